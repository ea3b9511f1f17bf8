#include "core/compare/comparison.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/compare/render.hpp"
#include "unit/compare/samples.hpp"

namespace netobs::compare {
namespace {

using test::Level;
using test::measured;

constexpr std::size_t blocks = 20;
constexpr Level slow_residence{.residence = 2'000};

const MetricResult& metric(const Comparison& comparison, std::string_view name) {
  for (const auto& each : comparison.metrics) {
    if (each.name == name) return each;
  }
  throw std::out_of_range(std::string(name));
}

TEST(Comparison, EqualsAreTheSame) {
  const auto found = compare(measured({}, blocks, 1), measured({}, blocks, 2), {});
  EXPECT_EQ(found.verdict, Verdict::same);
  for (const auto& each : found.metrics) EXPECT_EQ(each.verdict, Verdict::same) << each.name;
  EXPECT_EQ(found.headline(), nullptr);
  EXPECT_EQ(found.culprit(), nullptr);
}

TEST(Comparison, NamesTheSegment) {
  const auto found = compare(measured({}, blocks, 1), measured(slow_residence, blocks, 2), {});
  EXPECT_EQ(found.verdict, Verdict::worse);
  ASSERT_NE(found.headline(), nullptr);
  EXPECT_EQ(found.headline()->name, "rtt.app.p50");
  ASSERT_NE(found.culprit(), nullptr);
  EXPECT_EQ(found.culprit()->name, "segment.residence.p50");
  EXPECT_NEAR(found.culprit()->shift.estimate, 1'500, 30);
  EXPECT_NEAR(*found.headline()->change_pct(), 15, 2);
  EXPECT_EQ(metric(found, "segment.stack.p50").verdict, Verdict::same);
  EXPECT_NE(sentence(found).find("residence"), std::string::npos);
}

TEST(Comparison, TheOtherWayRoundIsBetter) {
  const auto found = compare(measured(slow_residence, blocks, 1), measured({}, blocks, 2), {});
  EXPECT_EQ(found.verdict, Verdict::better);
  EXPECT_EQ(found.culprit()->name, "segment.residence.p50");
}

TEST(Comparison, BothThresholdsMustBePassed) {
  // The residence grows by 200 ns: 40 % of itself, but below 250 ns.
  const auto by_time =
      compare(measured({}, blocks, 1), measured({.residence = 700}, blocks, 2), {});
  EXPECT_EQ(metric(by_time, "segment.residence.p50").verdict, Verdict::same);
  // The round trip grows by 400 ns: more than 250 ns, but 4 %.
  const auto by_share =
      compare(measured({}, blocks, 1), measured({.residence = 900}, blocks, 2), {});
  EXPECT_EQ(metric(by_share, "rtt.app.p50").verdict, Verdict::same);
  EXPECT_EQ(metric(by_share, "segment.residence.p50").verdict, Verdict::worse);
  Settings strict;
  strict.set_share(0.02);
  strict.set_absolute(100);
  const auto found =
      compare(measured({}, blocks, 1), measured({.residence = 900}, blocks, 2), strict);
  EXPECT_EQ(metric(found, "rtt.app.p50").verdict, Verdict::worse);
  EXPECT_NEAR(strict.p99.share, 0.10, 1e-12);
  EXPECT_NEAR(strict.p99.absolute, 400, 1e-9);
}

TEST(Comparison, FewBlocksAreNotEnoughData) {
  const auto few = compare(measured({}, 3, 1), measured(slow_residence, 3, 2), {});
  EXPECT_EQ(few.verdict, Verdict::not_enough_data);
  const auto noisy =
      compare(measured({.spread = 0.6}, blocks, 1), measured({.spread = 0.6}, blocks, 2), {});
  EXPECT_EQ(noisy.verdict, Verdict::not_enough_data);
  EXPECT_EQ(compare({}, {}, {}).verdict, Verdict::not_enough_data);
}

TEST(Comparison, PairsCancelWhatBothSidesMeet) {
  auto base = measured({}, blocks, 1);
  auto next = measured({.residence = 1'500}, blocks, 2);
  for (std::size_t i = 0; i < blocks; ++i) {
    const double weather = static_cast<double>(i * 7 % blocks) * 600;  // for both
    for (auto* side : {&base, &next}) {
      for (auto& each : side->metrics) each.values[i] = *each.values[i] + weather;
    }
  }
  EXPECT_EQ(compare(base, next, {}).verdict, Verdict::not_enough_data);
  EXPECT_EQ(compare(base, next, {.design = Design::paired}).verdict, Verdict::worse);
}

TEST(Comparison, LossIsJudgedByItsShare) {
  const auto with_loss = [](double share) {
    Measurement side{
        "made up", "", {{"lost", "lost probes", "", Kind::loss, Statistic::whole, {}}}};
    for (int i = 0; i < 12; ++i) side.metrics[0].values.emplace_back(share + (i % 3) * 0.001);
    return side;
  };
  const auto found = compare(with_loss(0), with_loss(0.03), {});
  EXPECT_EQ(found.verdict, Verdict::worse);
  EXPECT_FALSE(found.metrics[0].change_pct());
  EXPECT_EQ(compare(with_loss(0), with_loss(0.003), {}).verdict, Verdict::same);
}

TEST(Comparison, SaysWhatHasNoCounterpart) {
  auto next = measured({}, blocks, 2);
  next.metrics.pop_back();
  next.context = "elsewhere";
  const auto found = compare(measured({}, blocks, 1), next, {});
  EXPECT_EQ(found.metrics.size(), 2U);
  EXPECT_EQ(found.notes.size(), 2U);
}

TEST(Render, Json) {
  const auto found = compare(measured({}, blocks, 1), measured(slow_residence, blocks, 2), {});
  const auto json = nlohmann::json::parse(render_json(found, {}));
  EXPECT_EQ(json["schema"], "netobs.compare/1");
  EXPECT_EQ(json["verdict"], "worse");
  EXPECT_EQ(json["culprit"], "segment.residence.p50");
  const auto& first = json["metrics"][0];
  EXPECT_EQ(first["name"], "rtt.app.p50");
  EXPECT_EQ(first["verdict"], "worse");
  EXPECT_LT(first["p_value"].get<double>(), 1e-6);
  EXPECT_LE(first["p_value"].get<double>(), first["p_adjusted"].get<double>());
  EXPECT_LT(first["ci_pct"][0].get<double>(), first["change_pct"].get<double>());
  EXPECT_GT(first["ci_pct"][1].get<double>(), first["change_pct"].get<double>());
}

TEST(Render, JunitFailsWhatIsWorse) {
  auto base = measured({}, blocks, 1);
  auto next = measured(slow_residence, blocks, 2);
  for (auto* side : {&base, &next}) side->metrics[1].label = "<&\"hostile'>";
  const auto text = render_junit(compare(base, next, {}), {});
  EXPECT_NE(text.find("tests=\"3\" failures=\"2\""), std::string::npos) << text;
  EXPECT_EQ(text.find("<&\""), std::string::npos);
  EXPECT_EQ(text.find("hostile'"), std::string::npos);
}

TEST(Render, MarkdownKeepsNamesFromBeingMarkup) {
  auto base = measured({}, blocks, 1);
  base.title = "<img src=x> | *a* [b](c)";
  const auto text = render_markdown(compare(base, measured(slow_residence, blocks, 2), {}), {});
  EXPECT_EQ(text.find("<img"), std::string::npos);
  EXPECT_EQ(text.find("[b]"), std::string::npos);
  EXPECT_NE(text.find("**worse**"), std::string::npos);
}

TEST(Render, TextFitsTheTerminal) {
  const auto found = compare(measured({}, blocks, 1), measured(slow_residence, blocks, 2), {});
  const auto text = render_text(found, {});
  EXPECT_NE(text.find("verdict"), std::string::npos);
  std::size_t longest = 0;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    longest = std::max(longest, text.find('\n', at) - at);
  }
  EXPECT_LE(longest, 80U);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(render_text(found, {.colour = true}).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace netobs::compare
