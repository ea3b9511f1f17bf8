// Sessions of netobs itself: reports in later replies, warm-up, drain.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/capture/tape.hpp"

namespace netobs::capture {
namespace {

constexpr auto us = test_us;
constexpr auto ms = test_ms;
constexpr std::size_t probe_size = 300;

PointSet reported_points() {
  PointSet points;
  points.add(Point::rx_software);
  points.add(Point::app_rx);
  points.add(Point::app_tx);
  points.add(Point::tx_software);
  return points;
}

Bytes netobs_request(const TestPacket& packet, bool measured) {
  Bytes payload = request_payload(packet);
  wire::TlvBuilder tlvs(wire::tlv_area(packet.mode, std::span<std::byte>(payload)));
  const auto value = tlvs.add(wire::TlvType::netobs, 200);
  wire::write_netobs_request(*value, reported_points(), measured);
  tlvs.pad_to_end();
  return payload;
}

wire::NetobsEntry entry_of(std::uint32_t number, std::int64_t received_ns) {
  wire::NetobsEntry entry;
  entry.sender_sequence = number;
  entry.reflector_sequence = number;
  entry.points = reported_points();
  const auto set = [&](Point point, std::int64_t after) {
    entry.ns[index(point)] = received_ns + after;
  };
  set(Point::rx_software, 0);
  set(Point::app_rx, 3 * us);
  set(Point::app_tx, 4 * us);
  set(Point::tx_software, 6 * us);
  return entry;
}

/// With the report of one earlier probe.
Bytes netobs_reply(const TestPacket& packet, std::optional<wire::NetobsEntry> report) {
  Bytes payload = reply_payload(packet, packet.number, test_start, test_start + 1, probe_size);
  wire::TlvBuilder tlvs(wire::tlv_area(packet.mode, std::span<std::byte>(payload)));
  const auto value = tlvs.add(wire::TlvType::netobs, 200);
  payload[44] = std::byte{0};  // no U flag: the reflector knows it
  wire::NetobsReplyWriter writer(*value, {.available = reported_points()});
  if (report) {
    EXPECT_TRUE(writer.add(*report));
  }
  tlvs.pad_to_end();
  return payload;
}

/// `count` probes, each reported in the reply after its own; the last one in a drain reply.
void netobs_run(Tape& tape, std::uint32_t count, std::uint16_t ssid) {
  std::optional<wire::NetobsEntry> report;
  for (std::uint32_t i = 0; i <= count; ++i) {
    const TestPacket packet{
        .number = i, .t1_ns = test_start + i * ms, .ssid = ssid, .size = probe_size};
    tape.put(i * ms, udp_frame(tape.flow, netobs_request(packet, i < count)));
    tape.put(i * ms + 50 * us, udp_frame(tape.flow.reversed(), netobs_reply(packet, report)));
    report = entry_of(i, test_start + i * ms + 20 * us);
  }
}

TEST(NetobsReplay, ReportsOfLaterRepliesAreTaken) {
  Tape tape;
  netobs_run(tape, 5, 21);
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().sent, 5U);
  EXPECT_EQ(tape.probes().received, 5U);
  EXPECT_EQ(tape.session().counters().unmeasured, 1U);
  EXPECT_TRUE(tape.session().reflector().multi_layer);
  for (const auto& record : tape.records()) {
    EXPECT_EQ(record.at(Host::reflector, Point::rx_software), record.intended_ns + 20 * us);
    EXPECT_EQ(record.at(Host::reflector, Point::tx_software), record.intended_ns + 26 * us);
  }
  const auto totals = tape.session().statistics()->totals();
  EXPECT_EQ(totals.at("segment.reflector.app_rx.reflector.app_tx").max(), 1 * us);
  EXPECT_EQ(totals.at("network.both_ways").max(), 50 * us - 6 * us);
}

TEST(NetobsReplay, AWarmUpIsNoMeasurement) {
  Tape tape;
  for (std::uint32_t i = 0; i < 20; ++i) {
    const TestPacket packet{
        .number = 1000 + i, .t1_ns = test_start + i * us, .ssid = 99, .size = probe_size};
    tape.put(i * us, udp_frame(tape.flow, netobs_request(packet, false)));
    tape.put(i * us + 1, udp_frame(tape.flow.reversed(), netobs_reply(packet, {})));
  }
  netobs_run(tape, 5, 21);
  tape.finish();
  ASSERT_EQ(tape.sessions(), 2U);
  EXPECT_EQ(tape.session(0).statistics(), nullptr);
  EXPECT_EQ(tape.session(0).counters().unmeasured, 20U);
  EXPECT_EQ(tape.probes(1).sent, 5U);
}

TEST(NetobsReplay, TheFarPointKnowsThemToo) {
  auto config = standard_config();
  config.session.two_points = true;
  Tape tape(config);
  netobs_run(tape, 2, 21);
  const TestPacket drain{.number = 2, .t1_ns = test_start + 2 * ms, .ssid = 21, .size = probe_size};
  tape.put(0, udp_frame(tape.flow, netobs_request(drain, false)), Vantage::far);
  tape.put(1, udp_frame(tape.flow.reversed(), netobs_reply(drain, {})), Vantage::far);
  tape.finish();
  EXPECT_EQ(tape.replay.matcher().counters().far_unknown, 0U);
}

TEST(NetobsReplay, ASnapLengthThatHidesTheTlvsIsSaid) {
  Tape tape;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const TestPacket packet{
        .number = i, .t1_ns = test_start + i * ms, .ssid = 5, .size = probe_size};
    auto request = udp_frame(tape.flow, netobs_request(packet, true));
    auto reply = udp_frame(tape.flow.reversed(), netobs_reply(packet, {}));
    request.resize(28 + 44);
    reply.resize(28 + 44);
    tape.put(i * ms, request);
    tape.put(i * ms + 50 * us, reply);
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().received, 3U);
  EXPECT_EQ(tape.session().counters().hidden_tlvs, 3U);
  // What is left are T2 and T3.
  EXPECT_TRUE(tape.records()[0].at(Host::reflector, Point::app_rx));
}

TEST(NetobsReplay, RepliesThatEndBeforeTheNumberTheyAnswerAreCountedAsSuch) {
  Tape tape;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const TestPacket packet{.number = i, .t1_ns = test_start + i * ms, .size = probe_size};
    auto request = udp_frame(tape.flow, netobs_request(packet, true));
    auto reply = udp_frame(tape.flow.reversed(), netobs_reply(packet, {}));
    request.resize(28 + 18);
    reply.resize(28 + 18);
    tape.put(i * ms, request);
    tape.put(i * ms + 50 * us, reply);
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.session().counters().hidden_replies, 3U);
  EXPECT_EQ(tape.session().counters().orphan_replies, 0U);
}

TEST(NetobsReplay, RequestsOfItsOwnAreNotUnknownToTheFarPoint) {
  auto config = standard_config();
  config.session.two_points = true;
  Tape tape(config);
  for (const auto vantage : {Vantage::near, Vantage::far}) {
    for (std::uint32_t i = 0; i < 4; ++i) {
      const TestPacket packet{
          .number = i, .t1_ns = test_start + i * ms, .ssid = 21, .size = probe_size};
      const bool measured = i < 2;
      tape.put(i * ms, udp_frame(tape.flow, netobs_request(packet, measured)), vantage);
      tape.put(i * ms + 50 * us, udp_frame(tape.flow.reversed(), netobs_reply(packet, {})),
               vantage);
    }
  }
  tape.finish();
  EXPECT_EQ(tape.session().counters().unmeasured, 2U);
  EXPECT_EQ(tape.replay.matcher().counters().far_unknown, 0U);
}

TEST(NetobsReplay, EvenHalfABaseIsEnough) {
  Tape tape;
  for (std::uint32_t i = 0; i < 3; ++i) {
    const TestPacket packet{.number = i, .t1_ns = test_start + i * ms, .size = probe_size};
    auto request = udp_frame(tape.flow, netobs_request(packet, true));
    auto reply = udp_frame(tape.flow.reversed(), netobs_reply(packet, {}));
    request.resize(28 + 14);
    reply.resize(28 + 28);
    tape.put(i * ms, request);
    tape.put(i * ms + 50 * us, reply);
  }
  tape.finish();
  ASSERT_EQ(tape.sessions(), 1U);
  EXPECT_EQ(tape.probes().received, 3U);
}

}  // namespace
}  // namespace netobs::capture
