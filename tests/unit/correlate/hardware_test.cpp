// Hardware timestamps: put on the host's clock, and refused when they cannot be of their packet.

#include <gtest/gtest.h>

#include <vector>

#include "core/correlate/correlator.hpp"

namespace netobs {
namespace {

constexpr std::int64_t us = 1'000;
constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1'700'000'000 * second;
constexpr std::int64_t tai = 37 * second;  // the NIC's clock is so much ahead
constexpr auto s_tx = slot(Host::sender, Point::tx_hardware);
constexpr auto s_rx = slot(Host::sender, Point::rx_hardware);
constexpr auto r_tx = slot(Host::reflector, Point::tx_hardware);
constexpr auto r_rx = slot(Host::reflector, Point::rx_hardware);

class HardwareTimes : public ::testing::Test {
 protected:
  /// both: hosts whose hardware times are converted.
  void begin(std::array<bool, host_count> converted) {
    CorrelatorConfig config;
    config.window = 16;
    config.timeout = std::chrono::milliseconds(100);
    config.sender_points = points_of(Layer::app) | points_of(Layer::nic);
    config.sender_points.add(Point::tx_software);
    config.sender_points.add(Point::rx_software);
    config.reflector_points = points_of(Layer::app) | points_of(Layer::nic);
    config.reflector_reports = true;
    config.nic_converted = converted;
    correlator_.emplace(config);
    for (int i = 3; i > 0; --i) {
      const auto at = start - i * second / 2;
      correlator_->on_nic_clock({at + tai, at, 100});
    }
  }

  void add(Observation::Kind kind, std::uint64_t sequence, std::int64_t value,
           std::size_t slot_index = 0, std::int64_t second_value = 0) {
    Observation o;
    o.kind = kind;
    o.sequence = sequence;
    o.value_ns = value;
    o.second = second_value;
    o.monotonic_ns = value;
    o.slot = static_cast<std::uint8_t>(slot_index);
    correlator_->add(o);
  }
  void stamp(std::uint64_t sequence, Host host, Point point, std::int64_t value) {
    add(Observation::Kind::timestamp, sequence, value, slot(host, point));
  }

  struct Nic {
    std::optional<std::int64_t> tx;
    std::optional<std::int64_t> rx;
  };
  /// A probe whose software times are as always, sent at `at`: handed to the driver 10 us later,
  /// its reply from the driver at 90 us and in the application at 100 us.
  void probe(std::uint64_t sequence, std::int64_t at, const Nic& sender, const Nic& reflector = {},
             std::int64_t reported_bound = -1, std::uint8_t report_flags = 0) {
    add(Observation::Kind::sent, sequence, at);
    stamp(sequence, Host::sender, Point::tx_software, at + 10 * us);
    if (sender.tx) stamp(sequence, Host::sender, Point::tx_hardware, *sender.tx);
    stamp(sequence, Host::sender, Point::rx_software, at + 90 * us);
    if (sender.rx) stamp(sequence, Host::sender, Point::rx_hardware, *sender.rx);
    add(Observation::Kind::reply, sequence, at + 100 * us);
    stamp(sequence, Host::reflector, Point::app_rx, at + 45 * us);
    stamp(sequence, Host::reflector, Point::app_tx, at + 50 * us);
    if (reflector.rx) stamp(sequence, Host::reflector, Point::rx_hardware, *reflector.rx);
    if (reflector.tx) stamp(sequence, Host::reflector, Point::tx_hardware, *reflector.tx);
    add(Observation::Kind::reflector_report, sequence, reported_bound, report_flags);
  }
  std::vector<ProbeRecord> records() {
    const auto closed = correlator_->finish();
    return {closed.begin(), closed.end()};
  }

  std::optional<Correlator> correlator_;
};

TEST_F(HardwareTimes, ComeOnTheHostsClockByOneOffset) {
  begin({true, true});
  const Nic sender{start + tai + 12 * us, start + tai + 85 * us};
  const Nic reflector{start + 52 * us, start + 44 * us};
  probe(0, start, sender, reflector, 250);
  const auto record = records().at(0);
  EXPECT_EQ(record.at(s_tx), start + 12 * us);
  EXPECT_EQ(record.at(s_rx), start + 85 * us);
  EXPECT_EQ(record.at(r_rx), start + 44 * us);
  EXPECT_EQ(record.at(r_tx), start + 52 * us);
  // 100 ns of the look; 500 ms and 12 us after it the rate is unsure by 0.2 ppm and 1 ppm of
  // wander.
  EXPECT_EQ(correlator_->nic_bound_ns(Host::sender), 100 + 601);
  EXPECT_EQ(correlator_->nic_bound_ns(Host::reflector), 250);
  EXPECT_EQ(correlator_->counters().impossible_hardware, 0U);
}

TEST_F(HardwareTimes, ADifferenceWithinOneNicNeedsNoConversion) {
  begin({false, false});
  probe(0, start, {5'000, 78 * us}, {-7 * us, -9 * us});
  const auto record = records().at(0);
  EXPECT_EQ(record.at(s_tx), 5'000);
  EXPECT_EQ(record.at(s_rx), 78 * us);
  EXPECT_EQ(record.at(r_tx), -7 * us);
  EXPECT_FALSE(correlator_->nic_bound_ns(Host::sender));
}

TEST_F(HardwareTimes, OfAnotherPacketAreRefused) {
  begin({true, true});
  // Those of the probe before, 1 ms earlier; a reply from before the probe; the far future.
  probe(0, start, {start + tai + 12 * us, start + tai + 85 * us});
  probe(1, start + ms, {start + tai + 13 * us, start + tai + ms + 85 * us});
  probe(2, start + 2 * ms, {start + tai + 2 * ms + 12 * us, start + tai + ms + 86 * us});
  probe(3, start + 3 * ms, {start + tai + 13 * ms, start + tai + 14 * ms});
  const auto all = records();
  EXPECT_EQ(all.at(0).reason[s_tx], Reason::captured);
  EXPECT_EQ(all.at(1).reason[s_tx], Reason::clock_invalid);
  EXPECT_EQ(all.at(1).reason[s_rx], Reason::captured);
  EXPECT_EQ(all.at(2).reason[s_tx], Reason::captured);
  EXPECT_EQ(all.at(2).reason[s_rx], Reason::clock_invalid);
  EXPECT_EQ(all.at(3).reason[s_tx], Reason::clock_invalid);
  EXPECT_EQ(all.at(3).reason[s_rx], Reason::clock_invalid);
  EXPECT_EQ(correlator_->counters().impossible_hardware, 4U);
}

TEST_F(HardwareTimes, TheTimeOfThePacketBeforeIsNoTime) {
  begin({true, true});
  // Packets on their way at once, so that the window alone would let it pass.
  probe(0, start, {start + tai + 12 * us, start + tai + 85 * us});
  probe(1, start + 30 * us, {start + tai + 42 * us, start + tai + 85 * us});
  const auto all = records();
  EXPECT_EQ(all.at(0).reason[s_rx], Reason::captured);
  EXPECT_EQ(all.at(1).reason[s_rx], Reason::clock_invalid);
}

TEST_F(HardwareTimes, WithinOneTickOfTheNicsClockTwoPacketsHaveOneTime) {
  begin({true, true});
  probe(0, start, {start + tai + 12 * us, start + tai + 85 * us});
  probe(1, start + us, {start + tai + 13 * us, start + tai + 85 * us});
  EXPECT_EQ(records().at(1).reason[s_rx], Reason::captured);
}

TEST_F(HardwareTimes, UnconvertedOnesOfTheReflectorAreNotMixedIn) {
  begin({true, true});
  probe(0, start, {}, {52 * us, 44 * us}, -1);
  const auto record = records().at(0);
  EXPECT_EQ(record.reason[r_rx], Reason::clock_invalid);
  EXPECT_EQ(record.reason[r_tx], Reason::clock_invalid);
}

TEST_F(HardwareTimes, WhatTheReflectorFoundImpossibleIsNoLoss) {
  begin({true, true});
  probe(0, start, {}, {}, -1, report_flag_hardware_impossible);
  EXPECT_EQ(records().at(0).reason[r_rx], Reason::clock_invalid);
}

TEST_F(HardwareTimes, RemarksOfADuplicatedRequestsOtherPassageAreLeftOut) {
  begin({true, true});
  probe(0, start, {}, {start + 52 * us, start + 44 * us}, 250);
  // The second copy of the request, under the reflector's next number.
  Observation other;
  other.kind = Observation::Kind::reflector_report;
  other.number = 1;
  other.value_ns = 900;
  correlator_->add(other);
  probe(1, start + ms, {}, {{}, start + ms + 44 * us}, 250);
  other.sequence = 1;
  other.slot = report_flag_hardware_impossible;
  correlator_->add(other);
  EXPECT_EQ(records().at(1).reason[r_tx], Reason::lost_by_kernel);
  EXPECT_EQ(correlator_->nic_bound_ns(Host::reflector), 250);
}

TEST_F(HardwareTimes, NotAskedForIsNotMissing) {
  begin({true, true});
  add(Observation::Kind::sent, 0, start, 1);
  add(Observation::Kind::reply, 0, start + 100 * us);
  stamp(0, Host::sender, Point::tx_software, start + 10 * us);
  stamp(0, Host::sender, Point::rx_software, start + 90 * us);
  stamp(0, Host::sender, Point::rx_hardware, start + tai + 85 * us);
  stamp(0, Host::reflector, Point::app_rx, start + 45 * us);
  stamp(0, Host::reflector, Point::app_tx, start + 50 * us);
  stamp(0, Host::reflector, Point::rx_hardware, start + 44 * us);
  add(Observation::Kind::reflector_report, 0, 100, report_flag_tx_hardware_unasked);
  // Complete: it closes at once.
  const auto closed = correlator_->close(MonotonicTime{start + 200 * us});
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].reason[s_tx], Reason::not_requested);
  EXPECT_EQ(closed[0].reason[r_tx], Reason::not_requested);
  EXPECT_EQ(closed[0].reason[s_rx], Reason::captured);
}

TEST_F(HardwareTimes, ALateOneStillFindsItsProbe) {
  begin({true, true});
  add(Observation::Kind::sent, 0, start);
  add(Observation::Kind::reply, 0, start + 100 * us);
  EXPECT_TRUE(correlator_->close(MonotonicTime{start + 20 * ms}).empty());
  stamp(0, Host::sender, Point::tx_hardware, start + tai + 12 * us);
  EXPECT_EQ(records().at(0).at(s_tx), start + 12 * us);
}

TEST_F(HardwareTimes, AroundAStepOfTheNicsClockThereAreNone) {
  begin({true, true});
  probe(0, start, {start + tai + 12 * us, start + tai + 85 * us});
  probe(1, start + 20 * ms, {start + tai + 5 * ms, start + tai + 6 * ms});
  // Set back by 15 ms somewhere between the last look and this one.
  const auto after = start + 50 * ms;
  correlator_->on_nic_clock({after + tai - 15 * ms, after, 100});
  probe(2, after + ms, {after + tai - 14 * ms + 12 * us, after + tai - 14 * ms + 85 * us});
  const auto all = records();
  EXPECT_EQ(all.at(0).reason[s_tx], Reason::clock_invalid);
  EXPECT_EQ(all.at(1).reason[s_tx], Reason::clock_invalid);
  EXPECT_EQ(all.at(2).at(s_tx), after + ms + 12 * us);
  EXPECT_EQ(correlator_->nic_clock().state()->steps, 1U);
}

}  // namespace
}  // namespace netobs
