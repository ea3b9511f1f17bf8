#include <gmock/gmock.h>

#include "core/compare/render_page.hpp"

namespace netobs::compare {
namespace {

using testing::HasSubstr;
using testing::Not;

MetricResult metric(const char* label, double base, double next, Verdict verdict) {
  return {.name = std::string("rtt.") + label,
          .label = label,
          .place = "",
          .kind = Kind::round_trip,
          .statistic = Statistic::p50,
          .base_blocks = 40,
          .new_blocks = 40,
          .base = base,
          .next = next,
          .shift = {.estimate = next - base, .interval = Range{1'000, 2'000}, .p_value = 0.001},
          .p_adjusted = 0.001,
          .threshold = 250,
          .verdict = verdict};
}

Comparison two_metrics() {
  Comparison comparison;
  comparison.base_title = "base.json";
  comparison.new_title = "new.json";
  comparison.metrics = {metric("application", 10'000, 11'500, Verdict::worse),
                        metric("kernel", 8'000, 8'000, Verdict::same)};
  conclude(comparison);
  return comparison;
}

TEST(ComparisonPage, SaysTheVerdictAndEveryMetric) {
  const auto html = render_page(two_metrics(), nullptr, nullptr);
  EXPECT_THAT(html, HasSubstr("<h1 class=\"verdict-worse\">Worse</h1>"));
  EXPECT_THAT(html, HasSubstr("<data value=\"11500\" data-of=\"/comparison/metrics/0/new\">"));
  EXPECT_THAT(html, HasSubstr("<data value=\"8000\" data-of=\"/comparison/metrics/1/base\">"));
  // The one that changed stands before the fold of the others.
  EXPECT_LT(html.find("/comparison/metrics/0/new"), html.find("All other metrics"));
  EXPECT_GT(html.find("/comparison/metrics/1/new"), html.find("All other metrics"));
}

TEST(ComparisonPage, FilesHaveNoCharts) {
  EXPECT_THAT(render_page(two_metrics(), nullptr, nullptr), Not(HasSubstr("<figure")));
}

TEST(ComparisonPage, HostileNamesStayText) {
  auto comparison = two_metrics();
  const std::string hostile = "</script><img src=x onerror=alert(1)>\"'";
  comparison.base_title = comparison.new_title = hostile;
  comparison.notes = {hostile};
  for (auto& each : comparison.metrics) each.label = each.place = each.name = hostile;
  const auto html = render_page(comparison, nullptr, nullptr);
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, HasSubstr("<dd>&lt;/script&gt;&lt;img src=x"));
}

}  // namespace
}  // namespace netobs::compare
