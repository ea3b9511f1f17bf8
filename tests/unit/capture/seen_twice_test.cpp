#include <gtest/gtest.h>

#include "unit/capture/tape.hpp"

namespace netobs::capture {
namespace {

constexpr auto us = test_us;
constexpr auto ms = test_ms;

TEST(SeenTwice, ARequestIsOneProbe) {
  Tape tape;
  tape.request(0, {.number = 0});
  tape.request(5 * us, {.number = 0});
  tape.reply(50 * us, {.number = 0});
  tape.reply(55 * us, {.number = 0});  // with a T3 of its own: the reflector answered both
  tape.pair(1 * ms, 1);
  tape.request(1 * ms + 60 * us, {.number = 1});
  tape.finish();
  EXPECT_EQ(tape.probes().sent, 2U);
  EXPECT_EQ(tape.session().counters().duplicate_requests, 2U);
  EXPECT_EQ(tape.session().counters().replies_seen_again, 0U);
  EXPECT_EQ(tape.probes().duplicate, 1U);
  EXPECT_EQ(captured_rtt(tape.records().at(0)), 50 * us);
  EXPECT_EQ(captured_rtt(tape.records().at(1)), 50 * us);
}

/// A request and its reply, each so often.
void put(Tape& tape, std::uint32_t number, unsigned requests, unsigned replies) {
  const TestPacket packet{.number = number, .t1_ns = test_start + number * ms};
  const auto at = number * ms;
  const auto answer = udp_frame(
      tape.flow.reversed(),
      reply_payload(packet, number, test_start + at + 20 * us, test_start + at + 25 * us));
  for (unsigned i = 0; i < requests; ++i) {
    tape.put(at + i * us, udp_frame(tape.flow, request_payload(packet)));
  }
  for (unsigned i = 0; i < replies; ++i) tape.put(at + (45 + i) * us, answer);
}

TEST(SeenTwice, AReplyIsNoDuplicateWhereItsRequestWasSeenTwiceToo) {
  Tape tape;
  for (std::uint32_t i = 0; i < 5; ++i) put(tape, i, 2, 2);
  put(tape, 5, 1, 2);  // the network's: the request was there once
  put(tape, 6, 2, 4);  // and seen twice
  tape.finish();
  EXPECT_EQ(tape.probes().sent, 7U);
  EXPECT_EQ(tape.probes().received, 7U);
  EXPECT_EQ(tape.session().counters().replies_seen_again, 6U);
  EXPECT_EQ(tape.probes().duplicate, 3U);
  EXPECT_EQ(captured_rtt(tape.records().at(0)), 45 * us);
}

}  // namespace
}  // namespace netobs::capture
