#include "core/stats/run_statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "unit/stats/records.hpp"

namespace netobs::stats {
namespace {

using test::all_software;
using test::make_lost;
using test::make_record;

RunStatisticsConfig config_of(std::int64_t interval_ns = 1'000'000'000) {
  RunStatisticsConfig config;
  config.plan = plan_of(all_software, all_software);
  config.interval_ns = interval_ns;
  return config;
}

ProbeRecord slower(std::uint64_t sequence, std::int64_t by_ns) {
  auto intervals = test::usual_intervals;
  intervals[test::way_out] += by_ns;
  return make_record(sequence, intervals);
}

TEST(RunStatistics, ThreeProbes) {
  RunStatistics statistics(config_of());
  statistics.fold(make_record(0));
  statistics.fold(slower(1, 1'600));
  auto late_sent = make_record(2);
  late_sent.send_error_ns = 50'000;
  statistics.fold(late_sent);
  const auto totals = statistics.totals();
  EXPECT_EQ(totals.at("rtt.app").count(), 3U);
  EXPECT_EQ(totals.at("rtt.app").min(), 14'220);
  EXPECT_EQ(totals.at("rtt.app").max(), 15'820);
  EXPECT_EQ(totals.at("rtt.kernel").min(), 8'000);
  EXPECT_EQ(totals.at("rtt.tc").max(), 10'260);
  EXPECT_EQ(totals.count("rtt.nic"), 0U);
  EXPECT_EQ(totals.at("net_rtt.kernel").max(), 2'900);
  EXPECT_EQ(totals.at("rtt_intended").max(), 64'220);
  EXPECT_EQ(totals.at("send_error").max(), 50'000);
  EXPECT_EQ(totals.at("ipdv").min(), -1'600);
  EXPECT_EQ(totals.at("ipdv").max(), 1'600);
  EXPECT_EQ(totals.at("ipdv.forward").max(), 1'600);
  EXPECT_EQ(totals.at("ipdv.backward").max(), 0);
  EXPECT_EQ(totals.at("delay_change.forward").max(), 1'600);
  EXPECT_EQ(totals.at("delay_change.forward").min(), 0);
  EXPECT_EQ(totals.at("network.both_ways").max(), 2'900);
  EXPECT_EQ(totals.at("segment.reflector.app_rx.reflector.app_tx").mean(), 500.0);
  // J: 0 -> 1600 / 16 = 100 -> 100 + (1600 - 100) / 16 = 193.75
  EXPECT_EQ(statistics.jitter().round_trip, 193.75);
  EXPECT_EQ(statistics.jitter().forward, 193.75);
  EXPECT_EQ(statistics.jitter().backward, 0.0);
  EXPECT_EQ(statistics.violations().causal_order, 0U);
  EXPECT_EQ(statistics.violations().identity_checked, 3U);
}

TEST(RunStatistics, CountersAddUp) {
  RunStatistics statistics(config_of());
  auto duplicated = make_record(0);
  duplicated.reply_count = 3;
  duplicated.reordered = true;
  statistics.fold(duplicated);
  statistics.fold(make_lost(1, Outcome::lost_forward));
  statistics.fold(make_lost(2, Outcome::lost_backward));
  statistics.fold(make_lost(3, Outcome::lost_unknown));
  statistics.fold(make_lost(4, Outcome::late));
  statistics.fold(make_lost(5, Outcome::send_failed));
  const ProbeCounters expected{.sent = 5,
                               .received = 1,
                               .lost = 4,
                               .lost_forward = 1,
                               .lost_backward = 1,
                               .lost_unknown = 1,
                               .late = 1,
                               .duplicate = 2,
                               .reordered = 1,
                               .send_failed = 1,
                               .clock_stepped = 0};
  EXPECT_EQ(statistics.probes(), expected);
  EXPECT_EQ(statistics.totals().at("send_error").count(), 5U);
  EXPECT_EQ(statistics.totals().at("rtt.app").count(), 1U);
  const SlotLedger& ingress = statistics.ledger().at(slot(Host::sender, Point::tc_ingress));
  EXPECT_EQ(ingress.requested, 5U);
  EXPECT_EQ(ingress.captured, 1U);
  EXPECT_EQ(ingress.missing[static_cast<std::size_t>(Reason::probe_lost)], 4U);
  EXPECT_EQ(ingress.main_reason(), Reason::probe_lost);
  EXPECT_EQ(ingress.coverage(), 0.2);
}

TEST(RunStatistics, LedgerOfWhatIsOff) {
  RunStatisticsConfig config = config_of();
  const std::size_t named = slot(Host::sender, Point::tx_hardware);
  const std::size_t automatic = slot(Host::sender, Point::rx_hardware);
  const std::size_t absent = slot(Host::reflector, Point::tx_hardware);
  config.plan[named] = {Reason::unsupported, true};
  config.plan[automatic] = {Reason::unsupported, false};
  config.plan[absent] = {Reason::not_on_path, false};
  RunStatistics statistics(config);
  statistics.fold(make_record(0));
  statistics.fold(make_record(1));
  const PointLedger& ledger = statistics.ledger();
  EXPECT_EQ(ledger.at(named).requested, 2U);
  EXPECT_EQ(ledger.at(named).missing[static_cast<std::size_t>(Reason::unsupported)], 2U);
  EXPECT_EQ(ledger.at(automatic).requested, 0U);
  EXPECT_EQ(ledger.at(automatic).coverage(), std::nullopt);
  EXPECT_EQ(ledger.at(absent).plan, Reason::not_on_path);
}

TEST(RunStatistics, ClockStepIsCountedAndLeftOut) {
  RunStatistics statistics(config_of());
  statistics.fold(make_record(0));
  auto stepped = slower(1, -40'000'000);
  stepped.clock_stepped = true;
  statistics.fold(stepped);
  statistics.fold(make_record(2, test::usual_intervals, 9'000'000'000));
  EXPECT_EQ(statistics.probes().clock_stepped, 1U);
  EXPECT_EQ(statistics.probes().received, 3U);
  EXPECT_EQ(statistics.totals().at("rtt.app").count(), 2U);
  EXPECT_EQ(statistics.violations().causal_order, 0U);
  EXPECT_EQ(statistics.totals().at("delay_change.forward").max(), 0);
  EXPECT_EQ(statistics.jitter().forward, std::nullopt);
}

TEST(RunStatistics, WorstEdge) {
  RunStatistics statistics(config_of());
  auto bad = make_record(0);
  bad.ns[slot(Host::sender, Point::tx_sched)] -= 2'010;
  statistics.fold(bad);
  auto worse = make_record(1);
  worse.ns[slot(Host::sender, Point::tx_sched)] -= 2'500;
  statistics.fold(worse);
  const ViolationCounters& violations = statistics.violations();
  EXPECT_EQ(violations.causal_order, 2U);
  EXPECT_EQ(violations.identity, 0U);
  ASSERT_TRUE(violations.worst);
  EXPECT_EQ(violations.worst->sequence, 1U);
  EXPECT_EQ(violations.worst->edge, (CausalViolation{slot(Host::sender, Point::app_tx),
                                                     slot(Host::sender, Point::tx_sched), 500}));
}

TEST(RunStatistics, IntervalsMergeToTheTotal) {
  RunStatistics rolled(config_of(10'000'000));  // ten probes each
  RunStatistics whole(config_of(0));
  std::vector<Rollup> rollups;
  for (std::uint64_t i = 0; i < 95; ++i) {
    const auto record = slower(i, static_cast<std::int64_t>(i * i * i % 7'919));
    rolled.fold(record);
    whole.fold(record);
    for (auto& each : rolled.take_finished_intervals(false)) rollups.push_back(std::move(each));
  }
  const auto live = rolled.totals();
  for (auto& each : rolled.take_finished_intervals(true)) rollups.push_back(std::move(each));
  std::map<std::string, Distribution> merged;
  for (const Rollup& each : rollups) merged[each.metric].merge(each.distribution);
  EXPECT_EQ(merged, live);
  EXPECT_EQ(merged, whole.totals());
  EXPECT_EQ(merged, rolled.totals());
  EXPECT_TRUE(rolled.take_finished_intervals(true).empty());
  const auto of_app = std::ranges::count(rollups, "rtt.app", &Rollup::metric);
  EXPECT_EQ(of_app, 10);
  EXPECT_EQ(rollups.front().interval_start_ns, test::start_ns);
  EXPECT_EQ(rollups.back().interval_start_ns, test::start_ns + 90'000'000);
}

TEST(RunStatistics, AClockThatStepsBackStaysInItsInterval) {
  RunStatistics statistics(config_of(1'000'000));
  statistics.fold(make_record(5));
  statistics.fold(make_record(1));
  statistics.fold(make_record(6));
  std::vector<std::int64_t> starts;
  for (const Rollup& each : statistics.take_finished_intervals(true)) {
    if (each.metric == "rtt.app") starts.push_back(each.interval_start_ns - test::start_ns);
  }
  EXPECT_EQ(starts, (std::vector<std::int64_t>{5'000'000, 6'000'000}));
}

TEST(RunStatistics, CountsOfEachInterval) {
  RunStatistics statistics(config_of(4'000'000));  // four probes each
  auto doubled = make_record(0);
  doubled.reply_count = 3;
  statistics.fold(doubled);
  statistics.fold(make_lost(1, Outcome::lost_forward));
  statistics.fold(make_lost(2, Outcome::late));
  statistics.fold(make_lost(4, Outcome::send_failed));
  auto stepped = make_record(5);
  stepped.clock_stepped = true;
  stepped.reordered = true;
  statistics.fold(stepped);
  statistics.note_late_duplicates(2);
  auto bad = make_record(8);
  bad.ns[slot(Host::sender, Point::tx_sched)] -= 2'010;
  statistics.fold(bad);
  (void)statistics.take_finished_intervals(true);
  const auto counts = statistics.take_finished_counts();
  ASSERT_EQ(counts.size(), 3U);
  EXPECT_EQ(counts[0].interval_start_ns, test::start_ns);
  EXPECT_EQ(counts[1].interval_start_ns, test::start_ns + 4'000'000);
  EXPECT_EQ(counts[2].interval_start_ns, test::start_ns + 8'000'000);
  // By Count: sent, received, lost, points requested and captured, lost forward, backward, unknown,
  // late, duplicate, reordered, send failed, clock stepped, causal order, identity. 20 points are
  // on; a lost probe has 5 of them.
  EXPECT_EQ(counts[0].values, (CountValues{3, 1, 2, 60, 30, 1, 0, 0, 1, 2, 0, 0, 0, 0, 0}));
  EXPECT_EQ(counts[1].values, (CountValues{1, 1, 0, 20, 20, 0, 0, 0, 0, 2, 1, 1, 1, 0, 0}));
  EXPECT_EQ(counts[2].values, (CountValues{1, 1, 0, 20, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}));
  EXPECT_EQ(statistics.counts(), (CountValues{5, 3, 2, 100, 70, 1, 0, 0, 1, 4, 1, 1, 1, 1, 0}));
  (void)statistics.take_finished_intervals(true);
  EXPECT_TRUE(statistics.take_finished_counts().empty());
}

TEST(RunStatistics, WithoutIntervalsThereAreNoCountsOfThem) {
  RunStatistics statistics(config_of(0));
  statistics.fold(make_record(0));
  (void)statistics.take_finished_intervals(true);
  EXPECT_TRUE(statistics.take_finished_counts().empty());
  EXPECT_EQ(statistics.counts()[0], 1U);
}

TEST(RunStatistics, GapsBreakTheConsecutiveVariation) {
  RunStatistics statistics(config_of());
  statistics.fold(make_record(0));
  statistics.fold(make_lost(1));
  statistics.fold(slower(2, 100));
  statistics.fold(slower(3, 130));
  EXPECT_EQ(statistics.totals().at("ipdv").count(), 1U);
  EXPECT_EQ(statistics.totals().at("ipdv").max(), 30);
}

}  // namespace
}  // namespace netobs::stats
