#pragma once
// A capture that a test writes packet by packet, and what comes out of it.

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/capture/replay.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "core/wire/packet.hpp"
#include "core/wire/time_format.hpp"
#include "core/wire/tlv.hpp"

namespace netobs::capture {

constexpr std::int64_t test_us = 1'000;
constexpr std::int64_t test_ms = 1'000'000;
constexpr std::int64_t test_s = 1'000'000'000;
/// 2026-11-30, an instant without meaning.
constexpr std::int64_t test_start = 1'796'000'000 * test_s;

using Bytes = std::vector<std::byte>;

/// Keeps the records of every session.
class RecordKeeper final : public SessionSink {
 public:
  std::map<std::size_t, std::vector<ProbeRecord>> records;
  std::size_t room = 1000;
  std::size_t admitted = 0;

  bool admits(const SessionIdentity& /*session*/) override { return admitted++ < room; }
  void on_records(const SessionIdentity& session, std::span<const ProbeRecord> some) override {
    auto& all = records[session.index];
    all.insert(all.end(), some.begin(), some.end());
  }
  void on_rollups(const SessionIdentity& /*session*/, std::vector<stats::Rollup> /*rollups*/,
                  std::vector<stats::IntervalCounts> /*counts*/) override {}
};

struct TestFlow {
  Endpoint sender = Endpoint::v4({198, 18, 0, 1}, 40'000);
  Endpoint reflector = Endpoint::v4({198, 18, 0, 2}, 862);

  [[nodiscard]] TestFlow reversed() const { return {reflector, sender}; }
};

/// Raw IPv4 with UDP.
inline Bytes udp_frame(const TestFlow& flow, std::span<const std::byte> payload,
                       std::uint8_t ttl = 64) {
  Bytes frame(28 + payload.size());
  store_be<std::uint8_t>(frame, 0, 0x45);
  store_be<std::uint16_t>(frame, 2, static_cast<std::uint16_t>(frame.size()));
  store_be<std::uint8_t>(frame, 8, ttl);
  store_be<std::uint8_t>(frame, 9, 17);
  std::memcpy(&frame[12], &flow.sender.address[12], 4);
  std::memcpy(&frame[16], &flow.reflector.address[12], 4);
  store_be<std::uint16_t>(frame, 20, flow.sender.port);
  store_be<std::uint16_t>(frame, 22, flow.reflector.port);
  store_be<std::uint16_t>(frame, 24, static_cast<std::uint16_t>(8 + payload.size()));
  if (!payload.empty()) std::memcpy(&frame[28], payload.data(), payload.size());
  return frame;
}

inline Bytes icmp_frame(const TestFlow& flow, bool reply, std::uint16_t id, std::uint16_t number) {
  Bytes frame(28 + 8);
  store_be<std::uint8_t>(frame, 0, 0x45);
  store_be<std::uint16_t>(frame, 2, static_cast<std::uint16_t>(frame.size()));
  store_be<std::uint8_t>(frame, 8, 64);
  store_be<std::uint8_t>(frame, 9, 1);
  std::memcpy(&frame[12], &flow.sender.address[12], 4);
  std::memcpy(&frame[16], &flow.reflector.address[12], 4);
  store_be<std::uint8_t>(frame, 20, reply ? 0 : 8);
  store_be<std::uint16_t>(frame, 24, id);
  store_be<std::uint16_t>(frame, 26, number);
  return frame;
}

struct TestPacket {
  std::uint32_t number = 0;
  std::int64_t t1_ns = 0;  ///< the sender's clock
  std::uint16_t ssid = 0;
  wire::Mode mode = wire::Mode::unauthenticated;
  std::size_t size = 44;
  wire::TimeFormat format = wire::TimeFormat::ntp;
};

inline std::uint64_t wire_time(std::int64_t ns, wire::TimeFormat format) {
  return format == wire::TimeFormat::ntp ? wire::ntp_from_unix_ns(ns)
                                         : wire::ptp_from_unix_ns(ns, 0);
}

/// size below the base: the beginning of it, as TWAMP-Light senders write.
inline Bytes request_payload(const TestPacket& packet) {
  Bytes payload(std::max(packet.size, wire::layout(packet.mode).base_size));
  wire::encode_sender(packet.mode,
                      {packet.number,
                       wire_time(packet.t1_ns, packet.format),
                       {.format = packet.format, .scale = 1, .multiplier = 1},
                       packet.ssid},
                      payload);
  payload.resize(packet.size);
  return payload;
}

/// t2, t3: the reflector's clock, NTP.
inline Bytes reply_payload(const TestPacket& request, std::uint32_t number, std::int64_t t2_ns,
                           std::int64_t t3_ns, std::size_t size = 0) {
  const auto base = wire::layout(request.mode).base_size;
  Bytes payload(std::max({request.size, base, size}));
  wire::ReflectorPacket reply;
  reply.sequence = number;
  reply.t2 = wire::ntp_from_unix_ns(t2_ns);
  reply.t3 = wire::ntp_from_unix_ns(t3_ns);
  reply.error_estimate = {.scale = 1, .multiplier = 1};
  reply.ssid = request.ssid;
  reply.sender_sequence = request.number;
  reply.sender_t1 = wire_time(request.t1_ns, request.format);
  reply.sender_ttl = 63;
  wire::encode_reflector(request.mode, reply, payload);
  payload.resize(size == 0 ? std::max(request.size, base) : size);
  return payload;
}

inline MatcherConfig standard_config(Match match = Match::stamp) {
  MatcherConfig config;
  config.session.match = match;
  config.ports = {862};
  return config;
}

/// A replay, and shorthand for the packets of one flow.
class Tape {
 public:
  explicit Tape(MatcherConfig config = standard_config()) : replay(std::move(config), keeper) {}

  void put(std::int64_t ns, const Bytes& frame, Vantage vantage = Vantage::near) {
    replay.on_packet(LinkType::raw_ip, test_start + ns, frame, vantage);
  }
  void request(std::int64_t ns, TestPacket packet, Vantage vantage = Vantage::near) {
    if (packet.t1_ns == 0) packet.t1_ns = test_start + t1_of(packet.number);
    put(ns, udp_frame(flow, request_payload(packet)), vantage);
  }
  void reply(std::int64_t ns, TestPacket packet, std::optional<std::uint32_t> number = {},
             std::size_t size = 0, Vantage vantage = Vantage::near) {
    if (packet.t1_ns == 0) packet.t1_ns = test_start + t1_of(packet.number);
    put(ns,
        udp_frame(flow.reversed(),
                  reply_payload(packet, number.value_or(packet.number), test_start + ns + 300,
                                test_start + ns + 800, size)),
        vantage);
  }
  /// A request at `ns`, its reply a little later.
  void pair(std::int64_t ns, std::uint32_t number, std::int64_t round_trip_ns = 50 * test_us) {
    request(ns, {.number = number});
    reply(ns + round_trip_ns, {.number = number});
  }
  static std::int64_t t1_of(std::uint32_t number) { return 1 + std::int64_t{number} * 7'919; }

  void finish() { replay.finish(); }
  [[nodiscard]] const ReplaySession& session(std::size_t i = 0) const {
    return *replay.matcher().sessions().at(i);
  }
  [[nodiscard]] std::size_t sessions() const { return replay.matcher().sessions().size(); }
  [[nodiscard]] const std::vector<ProbeRecord>& records(std::size_t i = 0) {
    return keeper.records[i];
  }
  [[nodiscard]] const stats::ProbeCounters& probes(std::size_t i = 0) const {
    return session(i).statistics()->probes();
  }

  RecordKeeper keeper;
  Replay replay;
  TestFlow flow;
};

/// The round trip at the place of the capture; -1: none.
inline std::int64_t captured_rtt(const ProbeRecord& record) {
  const auto tx = record.at(Host::sender, Point::pcap_tx);
  const auto rx = record.at(Host::sender, Point::pcap_rx);
  return tx && rx ? *rx - *tx : -1;
}

}  // namespace netobs::capture
