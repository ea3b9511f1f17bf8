#include <fmt/format.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/report/page/chart_data.hpp"
#include "core/report/page/html_writer.hpp"
#include "core/report/page/page_parts.hpp"
#include "core/report/page/render_page.hpp"
#include "core/report/page/series.hpp"
#include "core/report/renderer.hpp"
#include "unit/report/samples.hpp"

namespace netobs::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

stats::Distribution distribution_of(const std::vector<std::int64_t>& values) {
  stats::Distribution distribution;
  for (const auto value : values) distribution.add(value);
  return distribution;
}

TEST(HtmlWriter, TextNeverBecomesMarkup) {
  HtmlWriter html;
  html.open("p", {{"title", "a\"b<c>'&"}});
  html.text("<script>alert('1')</script> & more");
  html.close();
  EXPECT_EQ(
      html.take(),
      "<p title=\"a&quot;b&lt;c&gt;&#39;&amp;\">&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; "
      "&amp; more</p>\n");
}

TEST(HtmlWriter, JsonForAScriptBlockMeansTheSameAndCannotEndIt) {
  const std::string text = "</script><!-- ]]> & \u2028\u2029 \u00b5 \"quoted\"";
  const auto json = nlohmann::json(text).dump();
  const auto safe = json_for_script(json);
  EXPECT_EQ(nlohmann::json::parse(safe).get<std::string>(), text);
  EXPECT_THAT(safe, Not(testing::ContainsRegex("[<>&]")));
  EXPECT_THAT(safe, HasSubstr("\\u2028\\u2029 \u00b5"));
}

TEST(Typeset, KeepsNumberAndUnitTogetherAndWritesTheMicroSign) {
  EXPECT_EQ(typeset("p99 933 us, 112 not"), "p99\u00a0933\u00a0\u00b5s, 112 not");
  EXPECT_EQ(typeset("10 000 probes used"), "10\u00a0000 probes used");
  EXPECT_EQ(typeset("3 seconds, 4 s."), "3 seconds, 4\u00a0s.");
  EXPECT_EQ(typeset("71 % us"), "71\u00a0% us");
  EXPECT_EQ(typeset(""), "");
  EXPECT_EQ(typeset("1 "), "1 ");
}

TEST(Shape, CurveHasTheQuantilesOfTheDistributionAndBothEnds) {
  stats::Distribution distribution;
  for (std::int64_t ns = 1; ns <= 10'000; ++ns) distribution.add(ns * 100);
  const Shape shape = shape_of(distribution);
  const auto at = [&](double one_in) {
    for (const CurvePoint& point : shape.curve) {
      if (point.one_in == one_in) return point.ns;
    }
    return std::int64_t{-1};
  };
  EXPECT_EQ(at(1), 100);
  EXPECT_EQ(at(2), *distribution.quantile(stats::p50));
  EXPECT_EQ(at(10), *distribution.quantile(stats::p90));
  EXPECT_EQ(at(100), *distribution.quantile(stats::p99));
  EXPECT_EQ(at(1'000), *distribution.quantile(stats::p99_9));
  EXPECT_EQ(at(10'000), 1'000'000);
  EXPECT_EQ(shape.curve.back().one_in, 10'000);
  EXPECT_LT(shape.curve.size(), 110U);
  for (std::size_t i = 1; i < shape.curve.size(); ++i) {
    EXPECT_LT(shape.curve[i - 1].one_in, shape.curve[i].one_in);
    EXPECT_LE(shape.curve[i - 1].ns, shape.curve[i].ns);
  }
}

TEST(Shape, OneValueAndNone) {
  EXPECT_TRUE(shape_of({}).curve.empty());
  EXPECT_TRUE(shape_of({}).bars.empty());
  const Shape one = shape_of(distribution_of({5'000}));
  EXPECT_EQ(one.curve.front().ns, 5'000);
  EXPECT_EQ(one.curve.back().ns, 5'000);
  ASSERT_EQ(one.bars.size(), 1U);
  EXPECT_EQ(one.bars[0].count, 1U);
}

TEST(Shape, BarsHoldEveryValueWithoutGapsWhateverTheRange) {
  const std::vector<std::vector<std::int64_t>> samples{
      {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33},
      {50'000, 51'000, 52'000, 90'000},
      {1, 1'000, 1'000'000, 1'000'000'000, INT64_MAX},
      {INT64_MIN, -5, 0, 1, 100, 1'000'000}};
  for (const auto& sample : samples) {
    const Shape shape = shape_of(distribution_of(sample));
    EXPECT_LE(shape.bars.size(), 96U);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < shape.bars.size(); ++i) {
      const HistogramBar& bar = shape.bars[i];
      EXPECT_LE(bar.low_ns, bar.high_ns);
      if (i > 0) {
        EXPECT_EQ(bar.low_ns, shape.bars[i - 1].high_ns + 1);
      }
      count += bar.count;
    }
    EXPECT_EQ(count, sample.size());
  }
  const Shape exact = shape_of(distribution_of({64, 66, 66, 127}));
  EXPECT_EQ(exact.bars.front().low_ns, 64);
  EXPECT_EQ(exact.bars.front().high_ns, 65);
  EXPECT_EQ(exact.bars.front().count, 1U);
  EXPECT_EQ(exact.bars[1].count, 2U);
  EXPECT_EQ(exact.bars.back().high_ns, 127);
  EXPECT_EQ(exact.bars.back().count, 1U);
}

ProbeRecord answered(std::uint64_t sequence, std::int64_t rtt_ns) {
  ProbeRecord record;
  record.sequence = sequence;
  record.intended_ns = static_cast<std::int64_t>(sequence) * 1'000;
  record.outcome = Outcome::answered;
  record.reason.fill(Reason::not_requested);
  record.set(slot(Host::sender, Point::app_tx), 1'000'000);
  record.set(slot(Host::sender, Point::app_rx), 1'000'000 + rtt_ns);
  return record;
}

TEST(RowSeries, OneColumnPerProbeOfASmallRun) {
  RowSeries builder(3, 0);
  builder.add(answered(0, 100));
  auto lost = answered(1, 0);
  lost.outcome = Outcome::lost_forward;
  builder.add(lost);
  auto stepped = answered(2, 999'999);
  stepped.clock_stepped = true;
  builder.add(stepped);
  auto failed = answered(3, 5);
  failed.outcome = Outcome::send_failed;
  builder.add(failed);
  const Series series = builder.take();
  ASSERT_EQ(series.columns.size(), 3U);
  EXPECT_EQ(series.columns[0].rtt[0], (Stroke{100, 100, 100}));
  EXPECT_EQ(series.columns[0].lost, 0U);
  EXPECT_EQ(series.columns[1].rtt[0], std::nullopt);
  EXPECT_EQ(series.columns[1].lost, 1U);
  EXPECT_EQ(series.columns[1].offset_ns, 1'000);
  EXPECT_EQ(series.columns[2].rtt[0], std::nullopt);
  EXPECT_EQ(series.columns[2].sent, 1U);
}

TEST(RowSeries, KeepsTheExtremesOfALongRunInBoundedColumns) {
  constexpr std::uint64_t count = 100'000;
  RowSeries builder(count, 0);
  for (std::uint64_t i = 0; i < count; ++i) {
    builder.add(answered(i, i == 77'777 ? 9'000'000 : i == 55'555 ? 3 : 50'000));
  }
  const Series series = builder.take();
  EXPECT_EQ(series.probes_per_column, 139U);  // 100 000 / 720, rounded up
  EXPECT_LE(series.columns.size(), max_series_columns);
  std::uint64_t sent = 0;
  std::int64_t most = 0;
  std::int64_t least = INT64_MAX;
  for (const SeriesColumn& column : series.columns) {
    sent += column.sent;
    most = std::max(most, column.rtt[0]->max_ns);
    least = std::min(least, column.rtt[0]->min_ns);
  }
  EXPECT_EQ(sent, count);
  EXPECT_EQ(most, 9'000'000);
  EXPECT_EQ(least, 3);
}

TEST(RowSeries, MoreProbesThanExpectedAndAClockThatGoesBack) {
  RowSeries builder(1, 0);
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    auto record = answered(i, 10);
    if (i % 2 == 1) record.intended_ns = INT64_MIN;
    builder.add(record);
  }
  const Series series = builder.take();
  EXPECT_EQ(series.columns.size(), max_series_columns);
  EXPECT_EQ(series.columns.back().sent, 2'000 - (max_series_columns - 1));
  for (std::size_t i = 1; i < series.columns.size(); ++i) {
    EXPECT_GE(series.columns[i].offset_ns, series.columns[i - 1].offset_ns);
  }
}

constexpr std::int64_t second = 1'000'000'000;

TEST(RollupSeries, MergesIntervalsOfALongRun) {
  // Three hours by the second: columns of 16 seconds.
  constexpr std::int64_t seconds = 3 * 3'600;
  RollupSeries builder(5 * second + 17, seconds * second, second);
  for (std::int64_t i = 0; i < seconds; ++i) {
    builder.add("rtt.app", (5 + i) * second, distribution_of({100 + i, 50}));
    builder.add("send_error", (5 + i) * second, distribution_of({1}));
  }
  for (std::int64_t i = 0; i < seconds; ++i) {
    builder.add_count("lost", (5 + i) * second, i == 1'000 ? 7 : 0);
    builder.add_count("sent", (5 + i) * second, 10);
    builder.add_count("late", (5 + i) * second, 1);
  }
  const Series series = builder.take();
  EXPECT_EQ(series.column_ns, 16 * second);
  ASSERT_EQ(series.columns.size(), 675U);
  EXPECT_EQ(series.columns[0].rtt[0]->min_ns, 50);
  EXPECT_EQ(series.columns[0].rtt[0]->max_ns, 115);
  EXPECT_EQ(series.columns[674].rtt[0]->max_ns, 100 + seconds - 1);
  EXPECT_EQ(series.columns[62].lost, 7U);
  EXPECT_EQ(series.columns[62].offset_ns, 62 * 16 * second);
  EXPECT_EQ(series.columns[674].sent, 160U);
  EXPECT_EQ(series.columns[0].rtt[1], std::nullopt);
}

TEST(RollupSeries, ImpossibleTimesStayInsideTheGrid) {
  for (const std::int64_t interval : {std::int64_t{0}, std::int64_t{1}, second, INT64_MAX}) {
    for (const std::int64_t duration : {INT64_MIN, std::int64_t{0}, INT64_MAX}) {
      RollupSeries builder(INT64_MIN, duration, interval);
      for (const std::int64_t start : {INT64_MIN, std::int64_t{0}, INT64_MAX}) {
        builder.add("rtt.app", start, distribution_of({start}));
        builder.add_count("sent", start, 1);
      }
      const Series series = builder.take();
      std::uint64_t sent = 0;
      for (const SeriesColumn& column : series.columns) sent += column.sent;
      EXPECT_EQ(sent, 3U);
      EXPECT_LE(series.columns.size(), max_series_columns);
    }
  }
}

PageData page_of(std::uint64_t count, const std::string& text) {
  stats::RunStatisticsConfig config;
  config.plan = stats::plan_of(test::all_software, test::all_software);
  config.interval_ns = 0;
  stats::RunStatistics statistics(config);
  test::Shuffle shuffle;
  RowSeries series(count, test::start_ns);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto record = test::scattered_record(i, shuffle, 123);
    statistics.fold(record);
    series.add(record);
  }
  auto document = test::usual_document(statistics, config);
  if (!text.empty()) {
    document.run.target = document.run.link = document.run.command_line = text;
    document.environment.push_back({text, {text}});
    document.warnings = {text};
    document.notes = {text};
    document.absent_layers = {{"nic", text}};
    document.store = {{text, 1, 0, 0}};
  }
  const auto totals = statistics.totals();
  PageData page{assemble(document, statistics.ledger(), totals), {}, series.take()};
  for (std::size_t i = 0; i < stats::view_table.size(); ++i) {
    const auto found = totals.find(fmt::format("rtt.{}", stats::view_table[i].name));
    if (found != totals.end()) page.shapes[i] = shape_of(found->second);
  }
  return page;
}

TEST(Page, SaysWhatTheRunWas) {
  const auto page = page_of(1'000, "");
  const auto html = render_page(page);
  EXPECT_THAT(html, HasSubstr("<h1>198.18.0.2:862</h1>"));
  EXPECT_THAT(verdict_of(page.summary), testing::StartsWith("Half of 1\u00a0000 probes came back"));
  EXPECT_THAT(verdict_of(page.summary), HasSubstr("None was lost."));
  EXPECT_THAT(html, HasSubstr(fmt::format("<data value=\"{}\" data-of=\"/rtt_ns/app/p50\">",
                                          *page.summary.rtt[0]->p50())));
  EXPECT_EQ(html, render_page(page)) << "equal input, other bytes";
}

TEST(Page, HostileTextStaysText) {
  const auto html = render_page(page_of(10, "</script><img src=x>\"'--><!--"));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, Not(HasSubstr("\"'-->")));
  EXPECT_THAT(html, HasSubstr("<h1>&lt;/script&gt;&lt;img src=x&gt;&quot;&#39;--&gt;&lt;!--</h1>"));
}

TEST(Page, OfARunThatNobodyAnswered) {
  const auto page = page_of(0, "");
  EXPECT_EQ(verdict_of(page.summary), "No probe was sent.");
  EXPECT_THAT(render_page(page), Not(HasSubstr("id=\"percentiles\"")));
  auto silent = page;
  silent.summary.document.probes.sent = 20;
  silent.summary.document.probes.lost = 20;
  EXPECT_EQ(verdict_of(silent.summary), "Nothing answered: none of 20 probes came back.");
  EXPECT_THAT(render_page(silent), HasSubstr("Nothing answered"));
}

TEST(Page, TheChartsGetTheReportAndEveryColumn) {
  const auto page = page_of(1'000, "");
  const auto data = nlohmann::json::parse(chart_data(page, "run"));
  EXPECT_EQ(data.at("report"), nlohmann::json::parse(render_json(page.summary, {})));
  EXPECT_EQ(data.at("series").at("t_ns").size(), page.series.columns.size());
  EXPECT_EQ(data.at("series").at("views").at("app").at("max").size(), page.series.columns.size());
  EXPECT_EQ(data.at("views").size(), 3U);
}

}  // namespace
}  // namespace netobs::report
