#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "unit/capture/tape.hpp"

namespace netobs::capture {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr auto us = test_us;
constexpr auto ms = test_ms;

std::vector<std::int64_t> round_trips(const std::vector<ProbeRecord>& records) {
  std::vector<std::int64_t> all;
  for (const auto& record : records) all.push_back(captured_rtt(record));
  return all;
}

Bytes text(std::string_view words) {
  const auto bytes = std::as_bytes(std::span(words));
  return {bytes.begin(), bytes.end()};
}

void ping(Tape& tape, std::int64_t ns, std::uint16_t id, std::uint16_t number) {
  tape.put(ns, icmp_frame(tape.flow, false, id, number));
}
void pong(Tape& tape, std::int64_t ns, std::uint16_t id, std::uint16_t number) {
  tape.put(ns, icmp_frame(tape.flow.reversed(), true, id, number));
}

TEST(IcmpReplay, PingsAreSessionsByIdentifier) {
  Tape tape(standard_config(Match::icmp));
  for (std::uint16_t i = 1; i <= 3; ++i) {
    ping(tape, i * ms, 77, i);
    ping(tape, i * ms + 1 * us, 78, i);
    pong(tape, i * ms + 30 * us, 77, i);
    if (i != 2) pong(tape, i * ms + 41 * us, 78, i);
  }
  ping(tape, 2'000 * ms, 78, 4);
  pong(tape, 2'000 * ms + 40 * us, 78, 4);
  pong(tape, 2'001 * ms, 78, 200);
  tape.finish();
  ASSERT_EQ(tape.sessions(), 2U);
  EXPECT_THAT(round_trips(tape.records(0)), ElementsAre(30 * us, 30 * us, 30 * us));
  EXPECT_THAT(round_trips(tape.records(1)), ElementsAre(40 * us, -1, 40 * us, 40 * us));
  EXPECT_EQ(tape.session(1).counters().orphan_replies, 1U);
  EXPECT_EQ(tape.session(1).identity().sender.port, 78);
  EXPECT_EQ(tape.probes(1).lost, 1U);
}

TEST(IcmpReplay, NumbersWrapAt16Bits) {
  Tape tape(standard_config(Match::icmp));
  constexpr std::uint32_t count = 70'000;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto number = static_cast<std::uint16_t>(i);
    ping(tape, i * ms, 5, number);
    pong(tape, i * ms + 20 * us, 5, number);
  }
  tape.finish();
  EXPECT_EQ(tape.probes().received, count);
  EXPECT_EQ(tape.probes().duplicate, 0U);
  EXPECT_EQ(tape.session().counters().duplicate_requests, 0U);
  EXPECT_EQ(tape.records().back().sequence, count - 1);
}

TEST(IcmpReplay, OnlyWhatTheCaptureDidNotWaitForIsCutOff) {
  Tape tape(standard_config(Match::icmp));
  // The timeout is a second: the first two had theirs when the last packet came.
  const std::array<std::int64_t, 5> sent{0, 400 * ms, 400 * ms + 1 * us, 900 * ms, 1'400 * ms};
  for (std::uint16_t i = 0; i < sent.size(); ++i) ping(tape, sent[i], 5, i);
  tape.finish();
  EXPECT_EQ(tape.probes().lost, 5U);
  EXPECT_EQ(tape.session().counters().cut_off, 3U);
}

TEST(IcmpReplay, UnansweredPingsAreASession) {
  Tape tape(standard_config(Match::icmp));
  for (std::uint16_t i = 0; i < 3; ++i) ping(tape, i * ms, 5, i);
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().lost, 3U);
}

TEST(IcmpReplay, APingThatBeganAnewIsNoDuplicate) {
  Tape tape(standard_config(Match::icmp));
  for (std::int64_t run = 0; run < 3; ++run) {
    for (std::uint16_t i = 1; i <= 10; ++i) {
      const auto at = run * 60 * test_s + i * test_s;
      ping(tape, at, 5, i);
      ping(tape, at + 2 * us, 5, i);  // a router's other side
      if (run < 2) pong(tape, at + 40 * us, 5, i);
      if (run < 1) pong(tape, at + 42 * us, 5, i);
    }
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().sent, 30U);
  EXPECT_EQ(tape.probes().lost, 10U);
  EXPECT_EQ(tape.probes().duplicate, 0U);
  EXPECT_EQ(tape.session().counters().restarts, 2U);
  EXPECT_EQ(tape.session().counters().duplicate_requests, 30U);
  EXPECT_EQ(tape.session().counters().replies_seen_again, 10U);
}

TEST(UdpEchoReplay, NumbersThatBeginAnewAreNoDuplicates) {
  auto config = standard_config(Match::udp_echo);
  config.number = NumberField{.offset = 0, .octets = 4};
  Tape tape(config);
  for (std::int64_t run = 0; run < 2; ++run) {
    for (std::uint32_t i = 0; i < 5; ++i) {
      auto payload = text("....query");
      store_be<std::uint32_t>(payload, 0, i);
      const auto at = run * 60 * test_s + i * test_s;
      tape.put(at, udp_frame(tape.flow, payload));
      if (run == 0) tape.put(at + 40 * us, udp_frame(tape.flow.reversed(), payload));
    }
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().sent, 10U);
  EXPECT_EQ(tape.probes().lost, 5U);
  EXPECT_EQ(tape.session().counters().duplicate_requests, 0U);
}

TEST(UdpEchoReplay, PayloadsThatComeBack) {
  Tape tape(standard_config(Match::udp_echo));
  for (int i = 0; i < 4; ++i) {
    const auto payload = text("probe " + std::to_string(i));
    tape.put(i * ms, udp_frame(tape.flow, payload));
    if (i != 2) tape.put(i * ms + 25 * us, udp_frame(tape.flow.reversed(), payload));
  }
  tape.put(5 * ms, udp_frame(tape.flow.reversed(), text("none of these")));
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.session().identity().sender, tape.flow.sender);
  EXPECT_THAT(round_trips(tape.records()), ElementsAre(25 * us, 25 * us, -1, 25 * us));
  EXPECT_EQ(tape.session().counters().orphan_replies, 1U);
}

TEST(UdpEchoReplay, EqualPayloadsAreAnsweredInOrder) {
  Tape tape(standard_config(Match::udp_echo));
  const auto payload = text("always the same");
  for (int i = 0; i < 3; ++i) tape.put(i * 100 * us, udp_frame(tape.flow, payload));
  for (int i = 0; i < 3; ++i) {
    tape.put(1 * ms + i * 110 * us, udp_frame(tape.flow.reversed(), payload));
  }
  tape.finish();
  EXPECT_THAT(round_trips(tape.records()), ElementsAre(1000 * us, 1010 * us, 1020 * us));
}

TEST(UdpEchoReplay, ANumberInThePayloadWillDo) {
  auto config = standard_config(Match::udp_echo);
  config.number = NumberField{.offset = 2, .octets = 2};
  Tape tape(config);
  for (std::uint16_t i = 0; i < 3; ++i) {
    auto query = text("??..query");
    auto answer = text("!!..a longer answer");
    store_be<std::uint16_t>(query, 2, static_cast<std::uint16_t>(0xfffe + i));
    store_be<std::uint16_t>(answer, 2, static_cast<std::uint16_t>(0xfffe + i));
    tape.put(i * ms, udp_frame(tape.flow, query));
    tape.put(i * ms + (20 + i) * us, udp_frame(tape.flow.reversed(), answer));
  }
  tape.put(9 * ms, udp_frame(tape.flow, text("abc")));  // no room for a number
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_THAT(round_trips(tape.records()), ElementsAre(20 * us, 21 * us, 22 * us));
  EXPECT_EQ(tape.records()[2].sequence, 0x10000U);
}

TEST(UdpEchoReplay, TrafficWithoutEchoesIsNoSession) {
  Tape tape(standard_config(Match::udp_echo));
  for (int i = 0; i < 10; ++i) {
    tape.put(i * ms, udp_frame(tape.flow, text("question " + std::to_string(i))));
    tape.put(i * ms + 9 * us, udp_frame(tape.flow.reversed(), text("answer " + std::to_string(i))));
  }
  tape.finish();
  EXPECT_EQ(tape.sessions(), 0U);
}

}  // namespace
}  // namespace netobs::capture
