#include "core/report/live_view.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "core/report/clean_text.hpp"
#include "unit/stats/records.hpp"

namespace netobs::report {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr MonotonicTime began{5'000'000'000};

stats::RunStatisticsConfig config_of(stats::ClockRelation::Kind clocks) {
  stats::RunStatisticsConfig config;
  config.plan = stats::plan_of(test::all_software, test::all_software);
  config.clocks.kind = clocks;
  return config;
}

/// 2 500 probes, one per ms, of which the 1 500th is lost: two and a half seconds.
LiveSnapshot usual_snapshot() {
  const auto config = config_of(stats::ClockRelation::Kind::same_clock);
  stats::RunStatistics statistics(config);
  LiveCollector collector(config.clocks);
  for (std::uint64_t i = 0; i < 2'500; ++i) {
    statistics.fold(i == 1'500 ? test::make_lost(i)
                               : test::make_record(i, test::usual_intervals, 0));
    if (i % 100 != 99) continue;
    const auto rollups = statistics.take_finished_intervals(false);
    collector.take(rollups, statistics.take_finished_counts(),
                   began + milliseconds(static_cast<std::int64_t>(i)));
  }
  return collector.snapshot(statistics, began, began + milliseconds(2'500));
}

const LiveRun usual_run{
    .phase = "measuring", .target = "198.18.0.2:862 over va0", .count = 10'000, .duration = {}};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

std::size_t longest(const std::vector<std::string>& lines) {
  std::size_t width = 0;
  for (const auto& line : lines) width = std::max(width, display_width(line));
  return width;
}

TEST(LiveView, FillsTheSmallestScreenAndNoMore) {
  const auto lines = render_live(usual_snapshot(), usual_run, {.columns = 60, .rows = 20});
  EXPECT_EQ(joined(lines),
            "198.18.0.2:862 over va0\n"
            "measuring    [####            ]   25 %   2 s, 8 s left\n"
            "sent 2 500   answered 2 499   lost 1 (0.04 %)\n"
            "\n"
            "round trip                        so far       last second\n"
            "                   p50      p99      max      p50      p99\n"
            "  application  14.2 us  14.2 us  14.2 us  14.2 us  14.2 us\n"
            "  kernel       8.00 us  8.00 us  8.00 us  8.00 us  8.00 us\n"
            "  eBPF tc      8.66 us  8.66 us  8.66 us  8.66 us  8.66 us\n"
            "\n"
            "where the time goes                              p50  share\n"
            "  sender    syscall and stack   ##           2.00 us   14 %\n"
            "  network   out                   #           600 ns    4 %\n"
            "  reflector wake-up               ##         3.00 us   21 %\n"
            "            residence                #        500 ns    4 %\n"
            "            syscall and stack        #       1.80 us   13 %\n"
            "  network   back                       #      700 ns    5 %\n"
            "  sender    wake-up                     ##   2.80 us   20 %\n"
            "  12 more, smaller                                     20 %\n");
}

TEST(LiveView, ShowsEverySegmentWhereThereIsRoom) {
  const auto lines = render_live(usual_snapshot(), usual_run, {.columns = 80, .rows = 50});
  EXPECT_THAT(joined(lines), Not(HasSubstr("more, smaller")));
  EXPECT_THAT(lines, SizeIs(11 + 19));
  EXPECT_THAT(joined(lines), HasSubstr("lost 1 (0.04 %)   1 in the last second\n"));
}

TEST(LiveView, SaysThatItEnds) {
  LiveRun run = usual_run;
  run.stopping = true;
  EXPECT_EQ(render_live(usual_snapshot(), run, {})[1],
            "measuring    [####            ]   25 %   2 s, ending");
}

TEST(LiveView, NeverLeavesTheScreen) {
  auto snapshot = usual_snapshot();
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  for (auto& view : snapshot.views) view = LiveFigures{least, most, most};
  snapshot.last_second->views = snapshot.views;
  for (auto& segment : snapshot.segments) {
    segment.p50 = least;
    segment.share = segment.segment.kind == stats::SegmentKind::residence ? 1e9 : -5;
  }
  snapshot.probes.sent = snapshot.probes.lost = std::numeric_limits<std::uint64_t>::max();
  snapshot.elapsed = Duration::max();
  const LiveRun run{.phase = std::string(300, 'p'),
                    .target = std::string(300, 't') + "\x1b[2J\n",
                    .count = std::numeric_limits<std::uint64_t>::max(),
                    .duration = Duration::max()};
  for (unsigned columns = live_min_columns; columns < 220; ++columns) {
    for (const unsigned rows : {live_min_rows, 21U, 24U, 30U, 100U}) {
      const auto lines =
          render_live(snapshot, run, {.columns = columns, .rows = rows, .utf8 = true});
      ASSERT_LT(lines.size(), rows);
      ASSERT_LT(longest(lines), columns) << joined(lines);
      ASSERT_THAT(joined(lines), Not(HasSubstr("\x1b")));
    }
  }
}

TEST(LiveView, ColourChangesNoCharacter) {
  const auto snapshot = usual_snapshot();
  for (const unsigned columns : {60U, 80U, 120U}) {
    const auto plain = render_live(snapshot, usual_run, {.columns = columns, .rows = 22});
    auto coloured =
        joined(render_live(snapshot, usual_run, {.columns = columns, .rows = 22, .colour = true}));
    EXPECT_THAT(coloured, HasSubstr("\x1b[1m"));
    for (auto at = coloured.find('\x1b'); at != std::string::npos; at = coloured.find('\x1b')) {
      coloured.erase(at, coloured.find('m', at) - at + 1);
    }
    EXPECT_EQ(coloured, joined(plain));
  }
}

TEST(LiveView, IsThereBeforeTheFirstAnswer) {
  stats::RunStatistics statistics(config_of(stats::ClockRelation::Kind::unknown));
  const LiveCollector collector({});
  const auto lines = render_live(collector.snapshot(statistics, began, began),
                                 {.phase = "measuring", .target = {}}, {});
  EXPECT_THAT(lines, ElementsAre("measuring       0 s", "sent 0   answered 0   lost 0", "",
                                 AllOf(StartsWith("round trip"), HasSubstr("last second")),
                                 HasSubstr("p50"),
                                 AllOf(StartsWith("  application"), HasSubstr("--")), ""));
}

TEST(LiveSnapshot, HasTheRunSoFarAndTheLastWholeSecond) {
  const auto snapshot = usual_snapshot();
  EXPECT_EQ(snapshot.probes.sent, 2'500U);
  EXPECT_EQ(snapshot.views[0], (LiveFigures{14'220, 14'220, 14'220}));
  EXPECT_EQ(snapshot.views[3], std::nullopt);  // no NIC clock
  ASSERT_TRUE(snapshot.last_second);
  EXPECT_EQ(snapshot.last_second->start_ns, test::start_ns + 1'000'000'000);
  EXPECT_EQ(snapshot.last_second->sent, 1'000U);
  EXPECT_EQ(snapshot.last_second->lost, 1U);
  EXPECT_EQ(snapshot.last_second->views[0], (LiveFigures{14'220, 14'220, 14'220}));
  double shares = 0;
  for (const auto& segment : snapshot.segments) shares += segment.share;
  EXPECT_NEAR(shares, 1, 1e-9);
}

TEST(LiveSnapshot, ForgetsASecondThatIsLongOver) {
  const auto config = config_of(stats::ClockRelation::Kind::unknown);
  stats::RunStatistics statistics(config);
  LiveCollector collector(config.clocks);
  for (std::uint64_t i = 0; i < 1'001; ++i) statistics.fold(test::make_record(i));
  const auto rollups = statistics.take_finished_intervals(false);
  collector.take(rollups, statistics.take_finished_counts(), began);
  collector.take({}, {}, began + seconds(2));
  EXPECT_TRUE(collector.snapshot(statistics, began, began + milliseconds(2'999)).last_second);
  EXPECT_FALSE(collector.snapshot(statistics, began, began + seconds(3)).last_second);
}

TEST(LiveSnapshot, TellsASecondWithoutAnAnswer) {
  const auto config = config_of(stats::ClockRelation::Kind::unknown);
  stats::RunStatistics statistics(config);
  LiveCollector collector(config.clocks);
  for (std::uint64_t i = 0; i < 2'001; ++i) {
    statistics.fold(i < 1'000 ? test::make_record(i) : test::make_lost(i));
  }
  const auto rollups = statistics.take_finished_intervals(false);
  collector.take(rollups, statistics.take_finished_counts(), began);
  const auto second = collector.snapshot(statistics, began, began).last_second;
  ASSERT_TRUE(second);
  EXPECT_EQ(second->lost, 1'000U);
  EXPECT_EQ(second->views[0], std::nullopt);
}

TEST(LiveView, TimeLeft) {
  LiveRun run;
  EXPECT_EQ(live_time_left(run, 10, seconds(1)), std::nullopt);
  EXPECT_EQ(live_share_done(run, 10, seconds(1)), std::nullopt);
  run.count = 40;
  EXPECT_EQ(live_time_left(run, 0, seconds(1)), std::nullopt);
  EXPECT_EQ(live_time_left(run, 10, seconds(1)), seconds(3));
  EXPECT_EQ(live_time_left(run, 50, seconds(1)), seconds(0));
  EXPECT_EQ(live_share_done(run, 10, seconds(1)), 0.25);
  run.duration = seconds(2);
  EXPECT_EQ(live_time_left(run, 10, seconds(1)), seconds(1));
  EXPECT_EQ(live_share_done(run, 10, seconds(1)), 0.5);
  EXPECT_EQ(live_time_left(run, 10, seconds(9)), seconds(0));
  EXPECT_EQ(live_share_done(run, 10, seconds(9)), 1.0);
}

}  // namespace
}  // namespace netobs::report
