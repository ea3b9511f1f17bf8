#include "core/stats/path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/stats/checks.hpp"
#include "core/stats/view.hpp"
#include "unit/stats/records.hpp"

namespace netobs::stats {
namespace {

using test::all_software;
using test::make_record;
using testing::ElementsAre;

constexpr ClockRelation same_clock{ClockRelation::Kind::same_clock, 0};

std::vector<std::string> names(const Path& path) {
  std::vector<std::string> all;
  for (const Segment& segment : path.segments) all.push_back(segment.name);
  return all;
}

PointSet set_of(std::initializer_list<Point> points) {
  PointSet set;
  for (const Point point : points) set.add(point);
  return set;
}

const PointSet classic =
    set_of({Point::app_tx, Point::tx_sched, Point::tc_egress, Point::tx_software,
            Point::rx_software, Point::tc_ingress, Point::app_rx});

TEST(Path, EveryPointOneClock) {
  const Path path = build_path({{all_software, all_software}, same_clock});
  EXPECT_EQ(path.chain.size(), 20U);
  EXPECT_THAT(names(path),
              ElementsAre("syscall and stack", "egress hooks", "qdisc", "driver", "network, out",
                          "softirq and RPS", "IP and UDP", "wake-up", "copy", "residence",
                          "syscall and stack", "egress hooks", "qdisc", "driver", "network, back",
                          "softirq and RPS", "IP and UDP", "wake-up", "copy"));
  EXPECT_EQ(path.segments[2].key(), "segment.sender.tc_egress.sender.net_dev_start_xmit");
  EXPECT_EQ(path.segments[4].key(), "segment.sender.tx_software.reflector.rx_software");
  EXPECT_EQ(path.segments[9].kind, SegmentKind::residence);
}

TEST(Path, InactivePointsJoinNames) {
  const Path path = build_path({{classic, classic}, {}});
  EXPECT_THAT(
      names(path),
      ElementsAre("syscall and stack", "egress hooks", "qdisc, driver", "network, both ways",
                  "softirq and RPS", "IP and UDP, wake-up, copy", "residence", "syscall and stack",
                  "egress hooks", "qdisc, driver", "softirq and RPS", "IP and UDP, wake-up, copy"));
  EXPECT_EQ(path.segments[3].key(), "network.both_ways");
  EXPECT_EQ(path.segments[3].from, slot(Host::sender, Point::tx_software));
  EXPECT_EQ(path.segments[3].to, slot(Host::sender, Point::rx_software));
  EXPECT_EQ(path.segments[3].less, (Segment::Bracket{slot(Host::reflector, Point::rx_software),
                                                     slot(Host::reflector, Point::tx_software)}));
}

TEST(Path, ForeignReflectorWithItsBaseTimestampsOnly) {
  const Path path = build_path({{classic, set_of({Point::rx_software, Point::app_tx})}, {}});
  EXPECT_THAT(names(path), ElementsAre("syscall and stack", "egress hooks", "qdisc, driver",
                                       "network and stacks, both ways",
                                       "softirq and RPS, IP and UDP, wake-up, copy, residence",
                                       "softirq and RPS", "IP and UDP, wake-up, copy"));
  EXPECT_EQ(path.segments[4].kind, SegmentKind::residence);
}

TEST(Path, ReflectorThatTellsNothingOrHalf) {
  for (const PointSet reflector : {PointSet{}, set_of({Point::app_rx})}) {
    const Path path = build_path({{set_of({Point::app_tx, Point::app_rx}), reflector}, same_clock});
    ASSERT_EQ(path.segments.size(), 1U);
    EXPECT_EQ(path.segments[0].name, "network and reflector");
    EXPECT_EQ(path.segments[0].key(), "network.both_ways");
    EXPECT_FALSE(path.segments[0].less);
  }
}

TEST(Path, HardwarePointsOnlyInAMappedClock) {
  PointSet with_nic = classic;
  with_nic.add(Point::tx_hardware);
  with_nic.add(Point::rx_hardware);
  EXPECT_EQ(build_path({{with_nic, with_nic}, {}}), build_path({{classic, classic}, {}}));
  const Path mapped = build_path(
      {{with_nic, with_nic}, same_clock, {NicClockRelation{true}, NicClockRelation{true}}});
  EXPECT_EQ(mapped.segments[3].name, "ring and NIC");
  EXPECT_EQ(mapped.segments[4].name, "network, out");
  EXPECT_EQ(mapped.segments[5].name, "NIC to stack");
}

TEST(Path, WhatCrossesClocksCarriesTheirBounds) {
  PointSet with_nic = classic;
  with_nic.add(Point::tx_hardware);
  with_nic.add(Point::rx_hardware);
  const PathConfig synchronised{{with_nic, with_nic},
                                {ClockRelation::Kind::synchronised, 1'000},
                                {NicClockRelation{true, 20}, NicClockRelation{true, 300}}};
  const auto bound_of = [&](const PathConfig& config, std::string_view name) {
    const auto path = build_path(config);
    const auto found = std::ranges::find(path.segments, name, &Segment::name);
    return found == path.segments.end() ? -1 : uncertainty_ns(*found, config);
  };
  EXPECT_EQ(bound_of(synchronised, "ring and NIC"), 20);  // the sender's comes first
  EXPECT_EQ(bound_of(synchronised, "network, out"), 1'000 + 20 + 300);
  EXPECT_EQ(bound_of(synchronised, "NIC to stack"), 300);
  EXPECT_EQ(bound_of(synchronised, "residence"), 0);
  auto apart = synchronised;
  apart.clocks = {};
  // Each bracket is within one NIC.
  EXPECT_EQ(bound_of(apart, "network, both ways"), 0);
  apart.active[index(Host::sender)].remove(Point::rx_hardware);
  EXPECT_EQ(bound_of(apart, "network, both ways"), 20);
}

TEST(Path, NothingActive) {
  const Path path = build_path({});
  EXPECT_TRUE(path.chain.empty());
  EXPECT_TRUE(path.segments.empty());
}

TEST(Path, LengthsAndIdentity) {
  const ProbeRecord record = make_record(0);
  const Path one_clock = build_path({{all_software, all_software}, same_clock});
  const Path two_clocks = build_path({{all_software, all_software}, {}});
  ASSERT_EQ(two_clocks.segments.size(), 18U);
  EXPECT_EQ(length_ns(two_clocks.segments[0], record), 2000);
  EXPECT_EQ(length_ns(two_clocks.segments[4], record), 1300);          // 600 out + 700 back
  EXPECT_EQ(length_ns(one_clock.segments[4], record), 5'000'000'600);  // the offset shows
  EXPECT_EQ(length_ns(one_clock.segments[14], record), -4'999'999'300);
  EXPECT_EQ(identity_error_ns(record, one_clock), 0);
  EXPECT_EQ(identity_error_ns(record, two_clocks), 0);
}

TEST(Path, MissingTimestampsHaveNoLength) {
  ProbeRecord record = make_record(0);
  record.reason[slot(Host::reflector, Point::tx_software)] = Reason::lost_by_kernel;
  const Path path = build_path({{all_software, all_software}, {}});
  EXPECT_EQ(length_ns(path.segments[4], record), std::nullopt);
  EXPECT_EQ(identity_error_ns(record, path), std::nullopt);
}

TEST(View, Formulas) {
  const ProbeRecord record = make_record(0);
  EXPECT_EQ(rtt_ns(record, view_table[0]), 14'220);
  EXPECT_EQ(rtt_ns(record, view_table[1]), 8'000);  // 14 220 - 2600 - 3620
  EXPECT_EQ(rtt_ns(record, view_table[2]), 8'660);  // + qdisc 300, driver 200, softirq 160
  EXPECT_EQ(rtt_ns(record, view_table[3]), std::nullopt);
  EXPECT_EQ(rtt_ns(record, view_table[4]), std::nullopt);
  EXPECT_EQ(net_rtt_ns(record, view_table[0]), 13'720);  // less 500 residence
  EXPECT_EQ(net_rtt_ns(record, view_table[1]), 1'300);
  EXPECT_EQ(net_rtt_ns(record, view_table[2]), 2'610);  // 8660 - (6700 - 150 - 500)
}

TEST(Checks, OrderWithinEachClock) {
  const ProbeRecord ahead = make_record(0);
  EXPECT_TRUE(check_causal_order(ahead, {}).empty());
  ProbeRecord record = make_record(0, test::usual_intervals, 0);
  EXPECT_TRUE(check_causal_order(record, same_clock).empty());
  const std::size_t tc = slot(Host::sender, Point::tc_egress);
  record.ns[tc] -= 2'150;
  const auto found = check_causal_order(record, {});
  ASSERT_EQ(found.all().size(), 1U);
  EXPECT_EQ(found.all()[0], (CausalViolation{slot(Host::sender, Point::tx_sched), tc, 2'050}));
}

TEST(Checks, AcrossHostsOnlyOnOneClock) {
  const ProbeRecord behind = make_record(0, test::usual_intervals, -1'000);
  EXPECT_TRUE(check_causal_order(behind, {}).empty());
  EXPECT_TRUE(check_causal_order(behind, {ClockRelation::Kind::synchronised, 10'000}).empty());
  const auto found = check_causal_order(behind, same_clock);
  ASSERT_EQ(found.all().size(), 1U);
  EXPECT_EQ(found.all()[0], (CausalViolation{slot(Host::sender, Point::tx_software),
                                             slot(Host::reflector, Point::rx_software), 400}));
}

TEST(Checks, HardwareClockIsItsOwn) {
  ProbeRecord record = make_record(0);
  record.set(slot(Host::sender, Point::tx_hardware), 5'000);  // a NIC clock that starts at zero
  record.set(slot(Host::sender, Point::rx_hardware), 4'000);
  const auto found = check_causal_order(record, {});
  ASSERT_EQ(found.all().size(), 1U);
  EXPECT_EQ(found.all()[0], (CausalViolation{slot(Host::sender, Point::tx_hardware),
                                             slot(Host::sender, Point::rx_hardware), 1'000}));
}

TEST(Checks, ImpossibleTimestampsSaturate) {
  ProbeRecord record = make_record(0);
  record.set(slot(Host::reflector, Point::app_rx), INT64_MAX);
  record.set(slot(Host::reflector, Point::app_tx), INT64_MIN);
  const Path path = build_path({{all_software, all_software}, {}});
  EXPECT_EQ(check_causal_order(record, {}).all()[0].by_ns, INT64_MAX);
  EXPECT_NE(identity_error_ns(record, path), 0);
}

}  // namespace
}  // namespace netobs::stats
