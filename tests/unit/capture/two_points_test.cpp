#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/capture/survey.hpp"
#include "unit/capture/tape.hpp"

namespace netobs::capture {
namespace {

using testing::Each;

constexpr auto us = test_us;
constexpr auto ms = test_ms;
constexpr std::int64_t far_clock = -3 * test_s;  // behind

MatcherConfig two_points() {
  auto config = standard_config();
  config.session.two_points = true;
  return config;
}

TEST(TwoPoints, TheFarPointCutsTheRoundTrip) {
  Tape tape(two_points());
  // 20 us out, 10 us at the far point and behind, 25 us back.
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto t = i * ms;
    tape.request(t, {.number = i});
    tape.reply(t + 55 * us, {.number = i});
    tape.request(t + 20 * us + far_clock, {.number = i}, Vantage::far);
    tape.reply(t + 30 * us + far_clock, {.number = i}, {}, 0, Vantage::far);
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.replay.matcher().counters().far_unknown, 0U);
  EXPECT_EQ(tape.replay.matcher().far_offset_ns(), 20 * us + far_clock);
  EXPECT_EQ(tape.replay.counters().clock_steps, 0U);
  const auto& statistics = *tape.session().statistics();
  const auto totals = statistics.totals();
  EXPECT_EQ(totals.at("rtt.pcap").max(), 55 * us);
  EXPECT_EQ(totals.at("net_rtt.pcap").min(), 45 * us);
  EXPECT_EQ(totals.at("net_rtt.pcap").max(), 45 * us);
  EXPECT_EQ(totals.at("network.both_ways").count(), 5U);
  EXPECT_EQ(statistics.violations().causal_order, 0U);
}

TEST(TwoPoints, OneClockGivesEachWay) {
  auto config = two_points();
  config.session.clocks.kind = stats::ClockRelation::Kind::same_clock;
  Tape tape(config);
  for (std::uint32_t i = 0; i < 5; ++i) {
    const auto t = i * ms;
    tape.request(t, {.number = i});
    // Its own times lie between those of the capture.
    tape.put(t + 55 * us,
             udp_frame(tape.flow.reversed(),
                       reply_payload({.number = i, .t1_ns = test_start + Tape::t1_of(i)}, i,
                                     test_start + t + 21 * us, test_start + t + 29 * us)));
    tape.request(t + 20 * us, {.number = i}, Vantage::far);
    tape.reply(t + 30 * us, {.number = i}, {}, 0, Vantage::far);
  }
  tape.finish();
  const auto totals = tape.session().statistics()->totals();
  EXPECT_EQ(totals.at("segment.sender.pcap_tx.reflector.pcap_rx").max(), 20 * us);
  EXPECT_EQ(totals.at("segment.reflector.pcap_tx.sender.pcap_rx").max(), 25 * us);
  EXPECT_EQ(totals.at("segment.reflector.app_rx.reflector.app_tx").max(), 8 * us);
  EXPECT_EQ(tape.session().statistics()->violations().causal_order, 0U);
  EXPECT_EQ(tape.session().statistics()->violations().identity_checked, 5U);
}

TEST(TwoPoints, LossIsPlacedByTheFarPoint) {
  Tape tape(two_points());
  tape.pair(0, 0);
  tape.request(0 + far_clock, {.number = 0}, Vantage::far);
  tape.request(1 * ms, {.number = 1});
  tape.request(1 * ms + far_clock, {.number = 1}, Vantage::far);  // the reply was lost
  tape.pair(2 * ms, 2);
  tape.finish();
  EXPECT_EQ(tape.records()[1].outcome, Outcome::lost_backward);
}

TEST(TwoPoints, PacketsOfTheFarPointOnlyAreCounted) {
  Tape tape(two_points());
  tape.pair(0, 0);
  tape.request(2 * ms, {.number = 9}, Vantage::far);
  tape.flow.sender.port = 41'000;
  tape.request(2 * ms, {.number = 0}, Vantage::far);
  tape.finish();
  EXPECT_EQ(tape.replay.matcher().counters().far_unknown, 2U);
}

/// The same probes at two places: `way` nanoseconds between them each way.
SurveyResult survey_of(std::int64_t way, std::int64_t clock) {
  Survey survey(standard_config());
  const TestFlow flow;
  for (const unsigned point : {0U, 1U}) {
    for (std::uint32_t i = 0; i < 20; ++i) {
      const TestPacket packet{.number = i, .t1_ns = test_start + i * ms};
      const auto at = test_start + i * ms + (point == 1 ? way + clock : 0);
      survey.on_packet(point, LinkType::raw_ip, at, udp_frame(flow, request_payload(packet)));
      const auto back = test_start + i * ms + 200 * us + (point == 1 ? clock - way : 0);
      survey.on_packet(
          point, LinkType::raw_ip, back,
          udp_frame(flow.reversed(), reply_payload(packet, i, test_start, test_start + 1)));
    }
  }
  return survey.conclude();
}

TEST(Survey, FindsWhichCaptureIsNearer) {
  const auto far_second = survey_of(30 * us, far_clock);
  EXPECT_EQ(far_second.common, 40U);
  EXPECT_TRUE(far_second.two_points);
  EXPECT_TRUE(far_second.direction_known);
  EXPECT_FALSE(far_second.second_is_near);
  EXPECT_EQ(far_second.offset_ns, far_clock + 30 * us);
  const auto far_first = survey_of(-30 * us, far_clock);
  EXPECT_TRUE(far_first.second_is_near);
  EXPECT_EQ(far_first.offset_ns, -(far_clock - 30 * us));
}

TEST(Survey, TimesInPacketsOutweighClocksThatDisagree) {
  constexpr std::int64_t hours = 5 * 3600 * test_s;
  EXPECT_TRUE(survey_of(30 * us, hours).two_points);
  const auto directionless = survey_of(0, hours);
  EXPECT_FALSE(directionless.direction_known);
  EXPECT_TRUE(directionless.two_points);
}

Bytes echo_frame(const TestFlow& flow, bool reply, std::uint16_t number,
                 std::span<const std::byte> payload) {
  auto frame = icmp_frame(flow, reply, 77, number);
  frame.insert(frame.end(), payload.begin(), payload.end());
  store_be<std::uint16_t>(frame, 2, static_cast<std::uint16_t>(frame.size()));
  return frame;
}

/// Ten pings in each of two captures, the second one later by `apart` and each answer by another
/// time; with the sender's time in them as ping(8) writes it, or the same octets in all.
SurveyResult survey_of_pings(std::int64_t apart, bool with_time) {
  Survey survey(standard_config(Match::icmp));
  const TestFlow flow;
  for (const unsigned point : {0U, 1U}) {
    for (std::uint16_t i = 0; i < 10; ++i) {
      Bytes payload(16);
      if (with_time) store_be<std::uint64_t>(payload, 0, std::uint64_t{i} * test_s);
      const auto at = test_start + i * test_s + point * apart;
      survey.on_packet(point, LinkType::raw_ip, at, echo_frame(flow, false, i, payload));
      survey.on_packet(point, LinkType::raw_ip, at + (45 - 7 * point) * us,
                       echo_frame(flow.reversed(), true, i, payload));
    }
  }
  return survey.conclude();
}

TEST(Survey, APingThatBeganAnewIsNoSecondPoint) {
  const auto later = survey_of_pings(3600 * test_s, false);
  EXPECT_EQ(later.common, 20U);
  EXPECT_FALSE(later.two_points);
  EXPECT_TRUE(survey_of_pings(3600 * test_s, true).two_points);
  EXPECT_TRUE(survey_of_pings(20 * us, false).two_points);
}

TEST(Survey, WhatEndsOneFileAndBeginsTheNextIsNoSecondPoint) {
  Survey survey(standard_config());
  const TestFlow flow;
  constexpr std::uint32_t count = 100;
  for (const unsigned point : {0U, 1U}) {
    // The last request of the first file once more, as on a router's other side.
    const auto from = point == 0 ? 0 : count - 1;
    for (std::uint32_t i = from; i < from + count; ++i) {
      const TestPacket packet{.number = i, .t1_ns = test_start + i * ms};
      survey.on_packet(point, LinkType::raw_ip, test_start + i * ms + point * us,
                       udp_frame(flow, request_payload(packet)));
    }
  }
  const auto result = survey.conclude();
  EXPECT_EQ(result.common, 1U);
  EXPECT_FALSE(result.two_points);
}

TEST(Survey, OtherPacketsHaveNothingInCommon) {
  Survey survey(standard_config());
  const TestFlow flow;
  for (const unsigned point : {0U, 1U}) {
    for (std::uint32_t i = 0; i < 20; ++i) {
      const TestPacket packet{.number = i, .t1_ns = test_start + i * ms + point};
      survey.on_packet(point, LinkType::raw_ip, test_start + i * ms,
                       udp_frame(flow, request_payload(packet)));
    }
  }
  EXPECT_EQ(survey.conclude().common, 0U);
}

}  // namespace
}  // namespace netobs::capture
