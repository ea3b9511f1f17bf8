#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "unit/capture/tape.hpp"

namespace netobs::capture {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Field;

constexpr auto us = test_us;
constexpr auto ms = test_ms;
constexpr auto s = test_s;

std::vector<std::uint64_t> numbers(const std::vector<ProbeRecord>& records) {
  std::vector<std::uint64_t> all;
  for (const auto& record : records) all.push_back(record.sequence);
  return all;
}
std::vector<std::int64_t> round_trips(const std::vector<ProbeRecord>& records) {
  std::vector<std::int64_t> all;
  for (const auto& record : records) all.push_back(captured_rtt(record));
  return all;
}

TEST(StampReplay, RoundTripsAreThoseOfTheCapture) {
  Tape tape;
  tape.pair(0, 0, 40 * us);
  tape.pair(1 * ms, 1, 50 * us);
  tape.pair(2 * ms, 2, 61 * us);
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.session().identity().sender.text(), "198.18.0.1:40000");
  EXPECT_EQ(tape.session().identity().reflector.text(), "198.18.0.2:862");
  EXPECT_EQ(tape.session().identity().ssid, std::nullopt);
  EXPECT_THAT(round_trips(tape.records()), ElementsAre(40 * us, 50 * us, 61 * us));
  EXPECT_THAT(numbers(tape.records()), ElementsAre(0, 1, 2));
  EXPECT_EQ(tape.records()[1].intended_ns, test_start + 1 * ms);
  EXPECT_EQ(tape.records()[1].reply_ttl, 64);
  EXPECT_EQ(tape.records()[1].reflector_ttl, 63);
  EXPECT_EQ(tape.probes().received, 3U);
}

TEST(StampReplay, ResidenceIsOfTheBaseTimestamps) {
  Tape tape;
  for (std::uint32_t i = 0; i < 3; ++i) tape.pair(i * ms, i);
  tape.finish();
  for (const auto& record : tape.records()) {
    const auto t2 = record.at(Host::reflector, Point::app_rx);
    const auto t3 = record.at(Host::reflector, Point::app_tx);
    ASSERT_TRUE(t2 && t3);
    EXPECT_EQ(*t3 - *t2, 500);
  }
  const auto totals = tape.session().statistics()->totals();
  ASSERT_TRUE(totals.contains("segment.reflector.app_rx.reflector.app_tx"));
  ASSERT_TRUE(totals.contains("network.both_ways"));
  EXPECT_EQ(totals.at("network.both_ways").max(), 50 * us - 500);
  EXPECT_EQ(tape.session().statistics()->violations().identity, 0U);
  EXPECT_EQ(tape.session().statistics()->violations().identity_checked, 3U);
}

TEST(StampReplay, LossDuplicatesAndReordering) {
  Tape tape;
  tape.pair(0, 0);
  tape.request(1 * ms, {.number = 1});  // lost
  tape.request(2 * ms, {.number = 2});
  tape.request(3 * ms, {.number = 3});
  tape.reply(3 * ms + 10 * us, {.number = 3});
  tape.reply(3 * ms + 20 * us, {.number = 2});  // overtaken
  tape.reply(3 * ms + 30 * us, {.number = 2});  // twice
  tape.pair(4 * ms, 4);
  tape.pair(5 * s, 5);
  tape.finish();
  EXPECT_THAT(round_trips(tape.records()),
              ElementsAre(50 * us, -1, 1 * ms + 20 * us, 10 * us, 50 * us, 50 * us));
  EXPECT_EQ(tape.probes().sent, 6U);
  EXPECT_EQ(tape.probes().lost, 1U);
  EXPECT_EQ(tape.probes().duplicate, 1U);
  EXPECT_EQ(tape.probes().reordered, 1U);
  EXPECT_EQ(tape.session().counters().cut_off, 0U);
}

TEST(StampReplay, AStatefulReflectorsNumbersTellWhichWayALossWent) {
  Tape tape;
  // The reflector numbers what arrives: 0, 2 and 3 of the sender are its 0, 1, 2; 4 got its 3 and
  // the answer was lost; 5 is its 4.
  tape.request(0, {.number = 0});
  tape.reply(50 * us, {.number = 0}, 0);
  tape.request(1 * ms, {.number = 1});
  tape.request(2 * ms, {.number = 2});
  tape.reply(2 * ms + 50 * us, {.number = 2}, 1);
  tape.request(3 * ms, {.number = 3});
  tape.reply(3 * ms + 50 * us, {.number = 3}, 2);
  tape.request(4 * ms, {.number = 4});
  tape.request(5 * ms, {.number = 5});
  tape.reply(5 * ms + 50 * us, {.number = 5}, 4);
  tape.finish();
  EXPECT_EQ(tape.records()[1].outcome, Outcome::lost_forward);
  EXPECT_EQ(tape.records()[4].outcome, Outcome::lost_backward);
}

TEST(StampReplay, ALateReplyCountsAsLost) {
  Tape tape;
  tape.pair(0, 0);
  tape.pair(1 * ms, 1, 1200 * ms);  // timeout 1 s
  tape.finish();
  EXPECT_EQ(tape.probes().late, 1U);
  EXPECT_EQ(tape.probes().lost, 1U);
}

TEST(StampReplay, NumbersWrapAt32Bits) {
  Tape tape;
  for (std::uint32_t i = 0; i < 4; ++i) tape.pair(i * ms, 0xfffffffeU + i);
  tape.finish();
  EXPECT_THAT(numbers(tape.records()),
              ElementsAre(0xfffffffeULL, 0xffffffffULL, 0x100000000ULL, 0x100000001ULL));
  EXPECT_EQ(tape.session().counters().restarts, 0U);
}

TEST(StampReplay, AJumpOfNumbersMakesNoRecords) {
  Tape tape;
  tape.pair(0, 5);
  tape.pair(1 * ms, 1'000'000);
  tape.pair(2 * ms, 1'000'001);
  tape.finish();
  EXPECT_THAT(numbers(tape.records()), ElementsAre(5, 1'000'000, 1'000'001));
  EXPECT_EQ(tape.probes().lost, 0U);
}

TEST(StampReplay, RequestsOutOfOrderKeepTheirNumbers) {
  Tape tape;
  tape.pair(0, 10);
  tape.pair(1 * ms, 12);
  tape.pair(2 * ms, 11);
  tape.finish();
  EXPECT_THAT(numbers(tape.records()), ElementsAre(10, 12, 11));
  EXPECT_THAT(round_trips(tape.records()), Each(50 * us));
}

TEST(StampReplay, ASenderThatBeginsAnewKeepsItsRecordsApart) {
  Tape tape;
  tape.pair(0, 0);
  tape.pair(1 * ms, 1);
  for (std::uint32_t i = 0; i < 2; ++i) {
    const TestPacket again{.number = i, .t1_ns = test_start + 77 * s + i};
    tape.request(2 * ms + i * ms, again);
    tape.reply(2 * ms + i * ms + 30 * us, again);
  }
  tape.finish();
  const auto all = numbers(tape.records());
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(std::set<std::uint64_t>(all.begin(), all.end()).size(), 4U);
  EXPECT_EQ(all[3], all[2] + 1);
  EXPECT_EQ(tape.session().counters().restarts, 1U);
  EXPECT_THAT(round_trips(tape.records()), ElementsAre(50 * us, 50 * us, 30 * us, 30 * us));
}

TEST(StampReplay, ACaptureThatStartsInTheMiddle) {
  Tape tape;
  tape.reply(0, {.number = 40});
  tape.reply(1 * ms, {.number = 41});
  for (std::uint32_t i = 0; i < 5; ++i) tape.pair(2 * ms + i * ms, 42 + i);
  tape.reply(9 * ms, {.number = 39});
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_THAT(numbers(tape.records()), ElementsAre(42, 43, 44, 45, 46));
  EXPECT_EQ(tape.session().counters().orphan_replies, 3U);
  EXPECT_EQ(tape.probes().lost, 0U);
}

TEST(StampReplay, AnyPortWillDoWithAReply) {
  Tape tape;
  tape.flow.reflector.port = 5000;
  tape.pair(0, 0);
  tape.pair(1 * ms, 1);
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().received, 2U);
}

TEST(StampReplay, WithoutAReplyOnlyTheReflectorsPortMakesASession) {
  for (const std::uint16_t port : {std::uint16_t{862}, std::uint16_t{5000}}) {
    Tape tape;
    tape.flow.reflector.port = port;
    for (std::uint32_t i = 0; i < 3; ++i) tape.request(i * ms, {.number = i});
    tape.finish();
    ASSERT_EQ(tape.sessions(), port == 862 ? 1U : 0U);
    if (port == 862) {
      EXPECT_EQ(tape.probes().lost, 3U);
      EXPECT_EQ(tape.session().counters().cut_off, 3U);
    } else {
      EXPECT_EQ(tape.replay.matcher().counters().candidates_dropped, 3U);
    }
  }
}

TEST(StampReplay, MoreUnansweredRequestsThanAreHeldBack) {
  auto config = standard_config();
  config.max_pending = 16;
  Tape tape(config);
  for (std::uint32_t i = 0; i < 100; ++i) tape.request(i * ms, {.number = i});
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().sent, 100U);
  EXPECT_EQ(tape.records().front().sequence, 0U);
}

TEST(StampReplay, BothHostsMaySendOverTheSamePorts) {
  Tape tape;
  tape.flow.sender.port = 862;
  const auto there = tape.flow;
  for (std::uint32_t i = 0; i < 4; ++i) {
    tape.flow = there;
    tape.request(i * ms, {.number = i});
    tape.flow = there.reversed();
    tape.request(i * ms + 10 * us, {.number = i, .t1_ns = test_start + 5 * s + i});
    tape.flow = there;
    tape.reply(i * ms + 40 * us, {.number = i});
    tape.flow = there.reversed();
    tape.reply(i * ms + 80 * us, {.number = i, .t1_ns = test_start + 5 * s + i});
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 2U);
  EXPECT_THAT(round_trips(tape.records(0)), Each(40 * us));
  EXPECT_THAT(round_trips(tape.records(1)), Each(70 * us));
  EXPECT_EQ(tape.probes(0).received, 4U);
  EXPECT_EQ(tape.probes(1).received, 4U);
}

TEST(StampReplay, AnSsidThatIsEchoedSplitsAFlow) {
  Tape tape;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const TestPacket packet{.number = i, .ssid = static_cast<std::uint16_t>(i % 2 == 0 ? 7 : 9)};
    tape.request(i * ms, packet);
    tape.reply(i * ms + 20 * us + i * us, packet);
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 2U);
  EXPECT_EQ(tape.session(0).identity().ssid, 7);
  EXPECT_EQ(tape.session(1).identity().ssid, 9);
  EXPECT_THAT(numbers(tape.records(0)), ElementsAre(0, 2));
  EXPECT_THAT(numbers(tape.records(1)), ElementsAre(1, 3));
}

TEST(StampReplay, PaddingWhereAnSsidWouldBeDoesNotSplit) {
  Tape tape;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const TestPacket packet{.number = i, .ssid = static_cast<std::uint16_t>(1000 + i)};
    tape.request(i * ms, packet);
    auto answer = packet;
    answer.ssid = 0;
    tape.reply(i * ms + 20 * us, answer);
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.session().identity().ssid, std::nullopt);
  EXPECT_EQ(tape.probes().received, 4U);
}

TEST(StampReplay, ShortTwampLightPackets) {
  for (const std::size_t size : {14U, 27U, 28U, 41U}) {
    Tape tape;
    for (std::uint32_t i = 0; i < 3; ++i) {
      tape.request(i * ms, {.number = i, .size = size});
      tape.reply(i * ms + 33 * us, {.number = i, .size = size}, {},
                 std::max<std::size_t>(41, size));
    }
    tape.finish();
    ASSERT_EQ(tape.sessions(), 1U) << size;
    EXPECT_THAT(round_trips(tape.records()), ElementsAre(33 * us, 33 * us, 33 * us)) << size;
  }
}

TEST(StampReplay, RepliesOf28OctetsCountWhereThePortSaysWhatTheyAre) {
  for (const std::uint16_t port : {std::uint16_t{862}, std::uint16_t{5000}}) {
    Tape tape;
    tape.flow.reflector.port = port;
    for (std::uint32_t i = 0; i < 3; ++i) {
      tape.request(i * ms, {.number = i, .size = 28});
      tape.reply(i * ms + 33 * us, {.number = i, .size = 28}, {}, 28);
    }
    tape.finish();
    ASSERT_EQ(tape.sessions(), port == 862 ? 1U : 0U);
    if (port == 862) {
      EXPECT_EQ(tape.probes().received, 3U);
    }
  }
}

TEST(StampReplay, AuthenticatedSessionsNeedNoKey) {
  Tape tape;
  const auto mode = wire::Mode::authenticated;
  for (std::uint32_t i = 0; i < 3; ++i) {
    tape.request(i * ms, {.number = i, .ssid = 3, .mode = mode, .size = 112});
    tape.reply(i * ms + 44 * us, {.number = i, .ssid = 3, .mode = mode, .size = 112});
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.session().identity().mode, mode);
  EXPECT_EQ(tape.session().identity().ssid, 3);
  EXPECT_THAT(round_trips(tape.records()), ElementsAre(44 * us, 44 * us, 44 * us));
  EXPECT_TRUE(tape.records()[0].at(Host::reflector, Point::app_rx));
}

TEST(StampReplay, PtpTimestampsAreTimestampsToo) {
  Tape tape;
  tape.flow.reflector.port = 5000;
  for (std::uint32_t i = 0; i < 3; ++i) {
    tape.request(i * ms, {.number = i, .format = wire::TimeFormat::ptp});
    tape.reply(i * ms + 44 * us, {.number = i, .format = wire::TimeFormat::ptp});
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().received, 3U);
}

TEST(StampReplay, AtTheSenderT1IsTheApplications) {
  auto config = standard_config();
  config.session.at_sender = true;
  Tape tape(config);
  for (std::uint32_t i = 0; i < 3; ++i) {
    const TestPacket packet{.number = i, .t1_ns = test_start + i * ms + 1};
    tape.request(i * ms + 9'001, packet);
    tape.reply(i * ms + 60 * us, packet);
  }
  tape.finish();
  for (const auto& record : tape.records()) {
    const auto t1 = record.at(Host::sender, Point::app_tx);
    ASSERT_TRUE(t1);
    EXPECT_EQ(*record.at(Host::sender, Point::pcap_tx) - *t1, 9'000);
  }
}

TEST(StampReplay, AClockThatIsSetLeavesOutWhatWasUnderWay) {
  Tape tape;
  tape.pair(10 * s, 0);
  tape.request(10 * s + 1 * ms, {.number = 1});
  tape.reply(2 * s, {.number = 1});  // eight seconds back
  tape.pair(2 * s + 1 * ms, 2);
  tape.finish();
  EXPECT_EQ(tape.replay.counters().clock_steps, 1U);
  EXPECT_THAT(tape.replay.clock_steps_ns(), ElementsAre(-(8 * s + 1 * ms)));
  ASSERT_EQ(tape.records().size(), 3U);
  EXPECT_FALSE(tape.records()[0].clock_stepped);
  EXPECT_TRUE(tape.records()[1].clock_stepped);
  EXPECT_FALSE(tape.records()[2].clock_stepped);
  EXPECT_EQ(tape.session().statistics()->totals().at("rtt.pcap").count(), 2U);
}

TEST(StampReplay, PacketsALittleOutOfOrderAreHarmless) {
  Tape tape;
  tape.pair(10 * ms, 0);
  tape.pair(11 * ms, 1);
  tape.pair(9 * ms, 2);
  tape.finish();
  EXPECT_EQ(tape.replay.counters().clock_steps, 0U);
  EXPECT_GT(tape.replay.counters().reordered, 0U);
  EXPECT_THAT(round_trips(tape.records()), Each(50 * us));
}

TEST(StampReplay, TimesThatKeepGoingBackAreGivenUp) {
  Tape tape;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    tape.request(100 * s, {.number = 2 * i});
    tape.request(1 * s, {.number = 2 * i + 1});
  }
  EXPECT_TRUE(tape.replay.out_of_order());
}

TEST(StampReplay, SessionsWithoutRoomAreRefused) {
  Tape tape;
  tape.keeper.room = 1;
  tape.pair(0, 0);
  tape.flow.sender.port = 40'001;
  tape.pair(1 * ms, 0);
  tape.finish();
  ASSERT_EQ(tape.sessions(), 2U);
  EXPECT_NE(tape.session(0).statistics(), nullptr);
  EXPECT_EQ(tape.session(1).statistics(), nullptr);
}

TEST(StampReplay, FlowsThatAreNoSessionsMakeRoom) {
  auto config = standard_config();
  config.max_flows = 8;
  Tape tape(config);
  tape.flow.reflector.port = 5000;
  tape.pair(0, 0);
  for (std::uint16_t i = 1; i <= 50; ++i) {
    tape.flow.sender.port = static_cast<std::uint16_t>(20'000 + i);
    tape.request(i * ms, {.number = i});
  }
  tape.flow.sender.port = 40'000;
  tape.pair(60 * ms, 1);
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().received, 2U);
  EXPECT_EQ(tape.replay.matcher().counters().flows_dropped, 43U);
}

TEST(StampReplay, OtherTrafficIsCountedByWhatItIs) {
  Tape tape;
  const Bytes dns(40, std::byte{0x41});
  tape.flow.reflector.port = 53;
  tape.put(0, udp_frame(tape.flow, dns));
  tape.put(1 * ms, udp_frame(tape.flow.reversed(), dns));
  tape.put(2 * ms, icmp_frame(tape.flow, false, 1, 1));
  tape.put(3 * ms, Bytes(3));
  tape.finish();
  EXPECT_EQ(tape.sessions(), 0U);
  EXPECT_EQ(tape.replay.census().udp(), 2U);
  EXPECT_EQ(tape.replay.census().udp_echoes(), 1U);
  EXPECT_EQ(tape.replay.census().echo_requests(), 1U);
  const auto ports = tape.replay.census().ports(3);
  ASSERT_EQ(ports.size(), 1U);
  EXPECT_EQ(ports[0].port, 53);
  EXPECT_EQ(tape.replay.counters().packets, 4U);
  EXPECT_EQ(tape.replay.counters().datagrams, 3U);
}

TEST(StampReplay, ManyProbesUnderWayGrowTheWindow) {
  Tape tape;
  tape.pair(0, 0);
  constexpr std::uint32_t count = 20'000;
  for (std::uint32_t i = 1; i <= count; ++i) tape.request(1 * ms + i * us, {.number = i});
  for (std::uint32_t i = 1; i <= count; ++i) tape.reply(101 * ms + i * us, {.number = i});
  tape.finish();
  EXPECT_EQ(tape.probes().received, count + 1U);
  EXPECT_EQ(tape.session().correlator_counters()->forced_closes, 0U);
  EXPECT_EQ(captured_rtt(tape.records()[count]), 100 * ms);
}

TEST(StampReplay, SessionsShareTheRoomForWhatIsUnderWay) {
  constexpr std::uint16_t flows = 4;
  constexpr std::uint32_t first = 1'000'000;
  constexpr std::uint32_t requests = 5'000;  // each would take 2^13
  auto config = standard_config();
  config.window_room = 10'000;
  Tape tape(config);
  for (std::uint16_t i = 0; i < flows; ++i) {
    tape.flow.sender.port = static_cast<std::uint16_t>(40'000 + i);
    tape.pair(0, first, 1);
    for (std::uint32_t number = 1; number < requests; ++number) {
      tape.request(1, {.number = first + number});
    }
  }
  tape.finish();
  std::uint64_t forced = 0;
  for (const auto& record : tape.records(3)) EXPECT_GE(record.sequence, first);
  for (std::uint16_t i = 0; i < flows; ++i) {
    EXPECT_EQ(tape.probes(i).sent, requests);
    forced += tape.session(i).correlator_counters()->forced_closes;
  }
  EXPECT_EQ(tape.session(0).correlator_counters()->forced_closes, 0U);
  EXPECT_GT(forced, requests);
}

TEST(StampReplay, ASessionWithoutRoomForStatisticsKeepsItsFirstWindow) {
  Tape tape;
  tape.keeper.room = 0;
  constexpr std::uint32_t requests = 100'000;
  for (std::uint32_t i = 0; i < requests; ++i) tape.pair(i * 100 * test_us, i);
  tape.finish();
  EXPECT_EQ(tape.session().statistics(), nullptr);
  EXPECT_EQ(tape.session().counters().requests, requests);
  EXPECT_EQ(tape.session().window(), 1024U);
}

}  // namespace
}  // namespace netobs::capture
