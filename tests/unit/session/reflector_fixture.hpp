#pragma once
// A reflector, a peer to write requests and a reader of replies, all with literal times.

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "core/session/reflector.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "core/wire/time_format.hpp"

namespace netobs::reflector_test {

using Bytes = std::vector<std::byte>;

inline const Endpoint peer_a = Endpoint::v4({198, 18, 0, 1}, 40'000);
inline const Endpoint peer_b = Endpoint::v4({198, 18, 0, 3}, 40'000);
inline const Endpoint probed = Endpoint::v4({198, 18, 0, 2}, 0);
inline constexpr std::int64_t second = 1'000'000'000;
inline constexpr std::int64_t epoch = 1'700'000'000 * second;  // CLOCK_REALTIME of the tests

inline MonotonicTime at_ms(std::int64_t ms) {
  return {ms * 1'000'000};
}

inline PointSet set_of(std::initializer_list<Point> list) {
  PointSet set;
  for (const Point point : list) set.add(point);
  return set;
}

inline const PointSet app_and_tc =
    set_of({Point::app_tx, Point::tc_egress, Point::tc_ingress, Point::app_rx});

inline HookEvent hook(Point point, std::uint32_t sequence, std::int64_t ns,
                      const Endpoint& peer = peer_a, std::uint16_t ssid = 1) {
  return {.ns = ns,
          .peer = peer,
          .sequence = sequence,
          .sender_sequence = 0,
          .ssid = ssid,
          .point = point};
}

/// The reply as it was sent, and what the host must remember of it.
struct Sent {
  Reply reply;
  Bytes octets;
};

class Fixture : public ::testing::Test {
 protected:
  void start(ReflectorConfig config = {}) {
    mode_ = config.auth_key ? wire::Mode::authenticated : wire::Mode::unauthenticated;
    if (config.auth_key) hmac_ = std::move(wire::Hmac::make(*config.auth_key).value());
    auto made = Reflector::make(std::move(config));
    ASSERT_TRUE(made.has_value());
    reflector_ = std::move(*made);
  }

  /// A request of `size` octets with an untouched (zero) trailer.
  Bytes request(std::uint32_t sequence, std::size_t size = 44, std::uint16_t ssid = 1) {
    Bytes octets(std::max(size, wire::layout(mode_).base_size), std::byte{0});
    wire::encode_sender(mode_,
                        {.sequence = sequence,
                         .t1 = 0x0102030405060708,
                         .error_estimate = *wire::ErrorEstimate::decode(0x8601),
                         .ssid = ssid},
                        octets);
    if (hmac_) wire::seal(octets, *hmac_);
    octets.resize(size);
    return octets;
  }

  /// A request with a Net Obs TLV with room for so many entries of these points.
  Bytes netobs_request(std::uint32_t sequence, PointSet points, std::size_t entries,
                       std::uint16_t ssid = 1) {
    const std::size_t value_size = wire::netobs_value_size(points, entries);
    Bytes octets = request(sequence, 44 + 4 + value_size, ssid);
    wire::TlvBuilder builder(std::span<std::byte>(octets).subspan(44));
    wire::write_netobs_request(builder.add(wire::TlvType::netobs, value_size).value(), points);
    return octets;
  }

  std::expected<Sent, Drop> offer(const RxDatagram& datagram, MonotonicTime now,
                                  std::int64_t app_tx_ns = epoch + 1'000) {
    Bytes out(2'000, std::byte{0xee});
    const auto reply = reflector_->on_datagram(datagram, now, out);
    if (!reply) return std::unexpected(reply.error());
    reflector_->stamp_t3(reply->key, std::span<std::byte>(out).first(reply->size), app_tx_ns);
    out.resize(reply->size);
    return Sent{*reply, out};
  }

  std::expected<Sent, Drop> offer(const Bytes& octets, const Endpoint& peer = peer_a,
                                  MonotonicTime now = at_ms(0),
                                  std::int64_t app_tx_ns = epoch + 1'000) {
    return offer({.payload = octets,
                  .peer = peer,
                  .local = probed,
                  .app_rx_ns = epoch,
                  .rx_software_ns = std::nullopt,
                  .rx_hardware_ns = std::nullopt,
                  .ttl = 64,
                  .truncated = false},
                 now, app_tx_ns);
  }

  Sent sent(const Bytes& octets, const Endpoint& peer = peer_a, MonotonicTime now = at_ms(0),
            std::int64_t app_tx_ns = epoch + 1'000) {
    auto outcome = offer(octets, peer, now, app_tx_ns);
    EXPECT_TRUE(outcome.has_value()) << (outcome ? "" : name(outcome.error()));
    return outcome ? *outcome : Sent{};
  }

  /// A request for timestamps of these points, answered.
  Sent probe(std::uint32_t sequence, PointSet points, MonotonicTime now = at_ms(0),
             std::size_t room = 2, const Endpoint& peer = peer_a) {
    return sent(netobs_request(sequence, points, room), peer, now, epoch + 1'000 + sequence);
  }

  Drop dropped(const Bytes& octets, const Endpoint& peer = peer_a, MonotonicTime now = at_ms(0)) {
    const auto before = reflector_->counters().dropped;
    const auto outcome = offer(octets, peer, now);
    EXPECT_FALSE(outcome.has_value());
    if (outcome) return Drop::no_room;
    const auto reason = static_cast<std::size_t>(outcome.error());
    EXPECT_EQ(reflector_->counters().dropped[reason], before[reason] + 1);
    return outcome.error();
  }

  wire::ReflectorPacket decoded(const Sent& one) {
    const auto packet = wire::decode_reflector(mode_, one.octets, hmac_ ? &*hmac_ : nullptr);
    EXPECT_TRUE(packet.has_value());
    return packet.value_or(wire::ReflectorPacket{});
  }

  /// The Net Obs TLV of a reply that starts with it.
  static wire::NetobsReply netobs(const Sent& one) {
    wire::TlvWalk walk(std::span<const std::byte>(one.octets).subspan(44));
    const auto tlv = walk.next();
    if (!tlv) return {};
    EXPECT_EQ(tlv->flags, 0);
    const auto reply = wire::parse_netobs_reply(tlv->value);
    EXPECT_TRUE(reply.has_value());
    return reply.value_or(wire::NetobsReply{});
  }

  /// Sender sequences of the entries in a reply, in order.
  static std::vector<std::uint32_t> carried(const Sent& one) {
    std::vector<std::uint32_t> sequences;
    const auto reply = netobs(one);
    for (const auto& entry : reply.entries()) sequences.push_back(entry.sender_sequence);
    return sequences;
  }

  wire::Mode mode_ = wire::Mode::unauthenticated;
  std::optional<wire::Hmac> hmac_;
  std::unique_ptr<Reflector> reflector_;
};

}  // namespace netobs::reflector_test
