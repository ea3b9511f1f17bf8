#include "core/correlate/correlator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace netobs {
namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr auto s_tx = slot(Host::sender, Point::app_tx);
constexpr auto s_sched = slot(Host::sender, Point::tx_sched);
constexpr auto s_sw = slot(Host::sender, Point::tx_software);
constexpr auto s_rx = slot(Host::sender, Point::app_rx);
constexpr auto s_nic = slot(Host::sender, Point::tx_hardware);
constexpr auto r_rx = slot(Host::reflector, Point::app_rx);
constexpr auto r_tx = slot(Host::reflector, Point::app_tx);

CorrelatorConfig config(std::size_t window = 16) {
  CorrelatorConfig c;
  c.window = window;
  c.timeout = Duration(100 * ms);
  c.grace = Duration(50 * ms);
  for (const auto p : {Point::app_tx, Point::tx_sched, Point::tx_software, Point::app_rx}) {
    c.sender_points.add(p);
  }
  c.reflector_points.add(Point::app_rx);
  c.reflector_points.add(Point::app_tx);
  c.absent_reason.fill(Reason::not_requested);
  c.absent_reason[s_nic] = Reason::unsupported;
  c.reflector_reports = true;
  return c;
}

Observation sent(std::uint64_t sequence, std::int64_t at, std::int64_t error = 0) {
  Observation o;
  o.kind = Observation::Kind::sent;
  o.sequence = sequence;
  o.value_ns = at;
  o.second = error;
  o.monotonic_ns = at;
  return o;
}
Observation reply(std::uint64_t sequence, std::int64_t at, std::uint32_t number = 0) {
  Observation o;
  o.kind = Observation::Kind::reply;
  o.sequence = sequence;
  o.value_ns = at;
  o.monotonic_ns = at;
  o.number = number;
  return o;
}
Observation stamp(std::uint64_t sequence, std::size_t slot_index, std::int64_t at) {
  Observation o;
  o.kind = Observation::Kind::timestamp;
  o.sequence = sequence;
  o.slot = static_cast<std::uint8_t>(slot_index);
  o.value_ns = at;
  return o;
}
Observation report(std::uint64_t sequence) {
  Observation o;
  o.kind = Observation::Kind::reflector_report;
  o.sequence = sequence;
  return o;
}
Observation clock_good(std::int64_t until) {
  Observation o;
  o.kind = Observation::Kind::clock_good;
  o.monotonic_ns = until;
  return o;
}

void add_complete(Correlator& c, std::uint64_t n, std::int64_t at) {
  c.add(sent(n, at));
  c.add(stamp(n, s_sched, at + 1));
  c.add(stamp(n, s_sw, at + 2));
  c.add(reply(n, at + 9));
  c.add(stamp(n, r_rx, at + 4));
  c.add(stamp(n, r_tx, at + 5));
  c.add(report(n));
}

TEST(Correlator, CompleteRecordClosesAtOnce) {
  Correlator c(config());
  add_complete(c, 0, 1000);
  const auto records = c.close({1010});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].outcome, Outcome::answered);
  EXPECT_EQ(records[0].at(s_sched), 1001);
  EXPECT_EQ(records[0].at(r_tx), 1005);
  EXPECT_EQ(records[0].at(s_rx), 1009);
  EXPECT_EQ(records[0].reason[s_nic], Reason::unsupported);
  EXPECT_EQ(records[0].reply_count, 1U);
  EXPECT_EQ(c.open(), 0U);
}

TEST(Correlator, AnyOrderOfTimestampsGivesTheSameRecord) {
  Correlator c(config());
  c.add(sent(0, 1000, 250));
  c.add(stamp(0, r_tx, 1005));
  c.add(reply(0, 1009));
  c.add(stamp(0, s_sw, 1002));
  c.add(stamp(0, r_rx, 1004));
  EXPECT_TRUE(c.close({1010}).empty()) << "tx_sched is still awaited";
  c.add(stamp(0, s_sched, 1001));
  const auto records = c.close({1010});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].intended_ns, 750);
  EXPECT_EQ(records[0].send_error_ns, 250);
}

TEST(Correlator, RecordsLeaveInSequenceOrder) {
  Correlator c(config());
  c.add(sent(0, 1000));
  add_complete(c, 1, 2000);
  EXPECT_TRUE(c.close({3000}).empty()) << "1 waits for 0";
  c.add(reply(0, 2500));
  const auto records = c.close({1000 + 150 * ms});
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].sequence, 0U);
  EXPECT_TRUE(records[0].reordered) << "its reply came after that of 1";
  EXPECT_FALSE(records[1].reordered);
}

TEST(Correlator, MissingTimestampsSayWhy) {
  Correlator c(config());
  c.add(sent(0, 0));
  c.add(stamp(0, s_sched, 1));  // then nothing: lost on the way out
  c.add(sent(1, 10));
  c.add(stamp(1, s_sw, 12));  // tx_sched missing though the packet came further
  c.add(stamp(1, r_rx, 14));
  c.add(report(1));  // the reflector saw it, the reply was lost
  c.add(sent(2, 20));
  c.add(reply(2, 30));  // answered, but no report came
  const auto records = c.close({200 * ms});
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].outcome, Outcome::lost_forward);
  EXPECT_EQ(records[0].reason[s_sw], Reason::probe_lost);
  EXPECT_EQ(records[0].reason[r_rx], Reason::probe_lost);
  EXPECT_EQ(records[1].outcome, Outcome::lost_backward);
  EXPECT_EQ(records[1].reason[s_sched], Reason::lost_by_kernel);
  EXPECT_EQ(records[1].reason[r_tx], Reason::lost_by_kernel) << "a report tells of a reply";
  EXPECT_EQ(records[2].outcome, Outcome::answered);
  EXPECT_EQ(records[2].reason[r_rx], Reason::not_reported);
  EXPECT_EQ(records[2].reason[s_sw], Reason::lost_by_kernel);
  EXPECT_EQ(records[2].reason[s_nic], Reason::unsupported);
}

TEST(Correlator, WithoutReportsTheDirectionOfLossIsUnknown) {
  auto c = config();
  c.reflector_reports = false;
  Correlator correlator(c);
  correlator.add(sent(0, 0));
  EXPECT_EQ(correlator.finish()[0].outcome, Outcome::lost_unknown);
}

TEST(Correlator, ReplyAfterTheTimeoutIsLate) {
  Correlator c(config());
  c.add(sent(0, 0));
  c.add(reply(0, 101 * ms));
  EXPECT_EQ(c.finish()[0].outcome, Outcome::late);
}

TEST(Correlator, DuplicatesAreCountedBeforeAndAfterClosing) {
  Correlator c(config());
  add_complete(c, 0, 0);
  c.add(reply(0, 20));
  ASSERT_EQ(c.close({100}).size(), 1U);
  c.add(reply(0, 30));
  EXPECT_EQ(c.counters().late_duplicates, 1U);
  EXPECT_EQ(c.counters().late_replies, 0U);
  c.add(sent(1, 40));
  EXPECT_EQ(c.close({40 + 151 * ms}).size(), 1U);
  c.add(reply(1, 200 * ms));
  EXPECT_EQ(c.counters().late_replies, 1U);
  c.add(stamp(1, s_sw, 1));
  EXPECT_EQ(c.counters().late_timestamps, 1U);
  c.add(reply(7, 1));
  EXPECT_EQ(c.counters().unknown_sequence, 1U);
}

TEST(Correlator, FullWindowClosesTheOldest) {
  Correlator c(config(4));
  for (std::uint64_t n = 0; n < 6; ++n) c.add(sent(n, static_cast<std::int64_t>(n)));
  EXPECT_EQ(c.counters().forced_closes, 2U);
  const auto records = c.finish();
  ASSERT_EQ(records.size(), 6U);
  for (std::uint64_t n = 0; n < 6; ++n) EXPECT_EQ(records[n].sequence, n);
}

TEST(Correlator, FailedSendIsNoLoss) {
  Correlator c(config());
  c.add(sent(0, 0));
  Observation failed;
  failed.kind = Observation::Kind::send_failed;
  c.add(failed);
  const auto records = c.close({1});
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].outcome, Outcome::send_failed);
}

TEST(Correlator, RecordStaysOpenUntilTheClockIsKnownToBeGood) {
  Correlator c(config());
  c.add(clock_good(5));
  add_complete(c, 0, 0);  // reply at 9
  EXPECT_TRUE(c.close({10}).empty());
  c.add(clock_good(9));
  EXPECT_EQ(c.close({10}).size(), 1U);
}

TEST(Correlator, ClockStepMarksTheRecordsItSpansAndNoOthers) {
  Correlator c(config());
  c.add(clock_good(1));
  add_complete(c, 0, 0);    // replied at 9
  add_complete(c, 1, 100);  // 100 to 109: spans
  c.add(sent(2, 120));      // under way
  add_complete(c, 3, 400);  // begins after
  Observation step;
  step.kind = Observation::Kind::clock_step;
  step.second = 50;
  step.monotonic_ns = 300;
  c.add(step);
  c.add(clock_good(500));
  const auto records = c.finish();
  ASSERT_EQ(records.size(), 4U);
  EXPECT_FALSE(records[0].clock_stepped);
  EXPECT_TRUE(records[1].clock_stepped);
  EXPECT_TRUE(records[2].clock_stepped);
  EXPECT_FALSE(records[3].clock_stepped);
}

TEST(Correlator, LostSentObservationLeavesAMarkedRecord) {
  Correlator c(config());
  add_complete(c, 0, 0);
  add_complete(c, 2, 100);  // "sent" of 1 found the queue full
  const auto records = c.finish();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[1].reason[s_tx], Reason::lost_by_us);
}

TEST(Correlator, WhatTheReflectorsHooksLostIsNotTheKernels) {
  constexpr auto r_tc = slot(Host::reflector, Point::tc_ingress);
  constexpr auto r_pcap = slot(Host::reflector, Point::pcap_rx);
  constexpr auto r_software = slot(Host::reflector, Point::rx_software);
  constexpr auto r_captured = slot(Host::reflector, Point::pcap_tx);
  auto with_hooks = config();
  for (const auto p : {Point::rx_software, Point::tc_ingress, Point::pcap_tx}) {
    with_hooks.reflector_points.add(p);
  }
  with_hooks.reported_points.remove(Point::pcap_tx);
  Correlator c(with_hooks);
  auto lossy = report(0);
  lossy.slot = report_flag_hook_events_lost;
  for (std::uint64_t n = 0; n < 3; ++n) {
    c.add(sent(n, 0));
    c.add(reply(n, 10 * ms));
    lossy.sequence = n;
    c.add(n == 1 ? report(n) : lossy);
  }
  c.add(stamp(2, r_tc, 5 * ms));  // in the entry's second coming
  const auto records = c.finish();
  EXPECT_EQ(records[0].reason[r_tc], Reason::lost_by_us);
  EXPECT_EQ(records[0].reason[r_software], Reason::lost_by_kernel);
  EXPECT_EQ(records[0].reason[r_captured], Reason::lost_by_kernel);
  EXPECT_EQ(records[0].reason[r_pcap], Reason::not_requested);
  EXPECT_EQ(records[1].reason[r_tc], Reason::lost_by_kernel);
  EXPECT_EQ(records[2].at(r_tc), 5 * ms);
}

TEST(Correlator, StackedDevicesKeepFirstSchedAndLastSoftware) {
  Correlator c(config());
  c.add(sent(0, 0));
  c.add(stamp(0, s_sched, 10));
  c.add(stamp(0, s_sched, 20));
  c.add(stamp(0, s_sw, 15));
  c.add(stamp(0, s_sw, 25));
  const auto records = c.finish();
  EXPECT_EQ(records[0].at(s_sched), 10);
  EXPECT_EQ(records[0].at(s_sw), 25);
  EXPECT_EQ(c.counters().duplicate_timestamps, 2U);
}

/// Probes 0 to last, of which those in `replies` (probe, reflector's number) are answered.
std::vector<Outcome> outcomes(CorrelatorConfig c, std::uint64_t last,
                              std::vector<std::pair<std::uint64_t, std::uint32_t>> replies) {
  c.reflector_counts = true;
  Correlator correlator(c);
  for (std::uint64_t n = 0; n <= last; ++n) correlator.add(sent(n, 0));
  for (const auto& [probe, number] : replies) correlator.add(reply(probe, 1, number));
  std::vector<Outcome> all;
  for (const auto& record : correlator.finish()) all.push_back(record.outcome);
  return all;
}

TEST(CorrelatorLossDirection, FollowsTheReflectorsNumbers) {
  using enum Outcome;
  // 1 arrived (no reply carries number 1), 3 did not (4 has the number after 2's).
  EXPECT_EQ(outcomes(config(), 4, {{0, 0}, {2, 2}, {4, 3}}),
            (std::vector{answered, lost_backward, answered, lost_forward, answered}));
  // Of 1, 2 and 3 one arrived: the count is right.
  EXPECT_EQ(outcomes(config(), 4, {{0, 0}, {4, 2}}),
            (std::vector{answered, lost_forward, lost_forward, lost_backward, answered}));
  // The session of a reflector of ours begins at 0.
  EXPECT_EQ(outcomes(config(), 2, {{2, 1}}), (std::vector{lost_forward, lost_backward, answered}));
}

TEST(CorrelatorLossDirection, IsUnknownWhileNothingCameBackSince) {
  using enum Outcome;
  EXPECT_EQ(outcomes(config(), 2, {{0, 0}}), (std::vector{answered, lost_unknown, lost_unknown}));
}

TEST(CorrelatorLossDirection, IsUnknownAcrossARestartOfTheReflector) {
  using enum Outcome;
  EXPECT_EQ(outcomes(config(), 4, {{0, 0}, {1, 1}, {3, 0}, {4, 1}}),
            (std::vector{answered, answered, lost_unknown, answered, answered}));
}

TEST(CorrelatorLossDirection, ADuplicatedRequestTakesANumberOfItsOwn) {
  using enum Outcome;
  EXPECT_EQ(outcomes(config(), 2, {{0, 0}, {0, 1}, {2, 2}}),
            (std::vector{answered, lost_forward, answered}));
}

TEST(CorrelatorLossDirection, OfAForeignReflectorNeedsAReplyOnBothSides) {
  using enum Outcome;
  auto c = config();
  c.reflector_reports = false;
  EXPECT_EQ(outcomes(c, 3, {{1, 17}, {3, 18}}),
            (std::vector{lost_unknown, answered, lost_forward, answered}));
}

TEST(CorrelatorLossDirection, ADrainReplyTellsOfTheLastProbes) {
  auto c = config();
  c.reflector_counts = true;
  Correlator correlator(c);
  for (std::uint64_t n = 0; n < 3; ++n) correlator.add(sent(n, 0));
  correlator.add(reply(0, 1, 0));
  Observation drained;
  drained.kind = Observation::Kind::drain_reply;
  drained.sequence = 3;
  drained.number = 3;
  correlator.add(drained);
  const auto records = correlator.finish();
  EXPECT_EQ(records[1].outcome, Outcome::lost_backward);
  EXPECT_EQ(records[2].outcome, Outcome::lost_backward);
}

TEST(CorrelatorLossDirection, AReceiveTimestampOfOursProvesTheReply) {
  Correlator c(config());
  c.add(sent(0, 0));
  c.add(stamp(0, slot(Host::sender, Point::tc_ingress), 9));
  EXPECT_EQ(c.finish()[0].outcome, Outcome::lost_backward);
}

TEST(Correlator, ReportOfADuplicatedRequestsOtherPassageIsLeftOut) {
  Correlator c(config());
  const auto reported = [&](std::uint32_t number, std::int64_t at) {
    auto observation = stamp(0, r_tx, at);
    observation.second = 1;
    observation.number = number;
    c.add(observation);
  };
  c.add(sent(0, 1000));
  reported(8, 2005);         // the second copy is reported first
  c.add(reply(0, 1009, 7));  // but the reply to the first copy is the one that is taken
  reported(7, 1005);
  reported(8, 2005);
  const auto records = c.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].at(r_tx), 1005);
  EXPECT_EQ(c.counters().other_passages, 2U);
}

TEST(Correlator, BaseTimesGoWhereTheConfigurationSays) {
  auto elsewhere = config();
  elsewhere.departure = Point::tc_egress;
  elsewhere.arrival = Point::tc_ingress;
  Correlator c(elsewhere);
  c.add(sent(0, 1000));
  c.add(reply(0, 1009));
  const auto records = c.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].at(slot(Host::sender, Point::tc_egress)), 1000);
  EXPECT_EQ(records[0].at(slot(Host::sender, Point::tc_ingress)), 1009);
  EXPECT_EQ(records[0].at(s_tx), std::nullopt);
  EXPECT_EQ(records[0].outcome, Outcome::answered);
}

TEST(Correlator, AWindowWithALimitGrowsUpToIt) {
  auto growing = config(4);
  growing.window_limit = 16;
  Correlator c(growing);
  for (std::uint64_t n = 0; n < 16; ++n) c.add(sent(n, static_cast<std::int64_t>(n)));
  EXPECT_EQ(c.window(), 16U);
  EXPECT_EQ(c.counters().forced_closes, 0U);
  for (std::uint64_t n = 0; n < 16; ++n) c.add(reply(n, 100 + static_cast<std::int64_t>(n)));
  c.add(sent(16, 200));
  EXPECT_EQ(c.window(), 16U);
  EXPECT_EQ(c.counters().forced_closes, 1U);
  const auto records = c.finish();
  ASSERT_EQ(records.size(), 17U);
  for (std::size_t n = 0; n < 16; ++n) {
    EXPECT_EQ(records[n].sequence, n);
    EXPECT_EQ(records[n].at(slot(Host::sender, Point::app_rx)), 100 + static_cast<std::int64_t>(n));
  }
}

}  // namespace
}  // namespace netobs
