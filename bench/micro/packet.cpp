// Base packets of both directions and both modes. In authenticated mode the HMAC is included: that
// is what a packet costs there.

#include "core/wire/packet.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "core/base/check.hpp"
#include "micro/core_units.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

constexpr std::size_t packet_count = 64;  // different ones, so that no branch learns a packet
constexpr std::uint16_t ssid = 7;

using Packet = std::vector<std::byte>;

wire::Hmac make_hmac() {
  std::array<std::byte, 32> key{};
  key.fill(std::byte{0x5a});
  return wire::Hmac::make(key).value();
}

wire::SenderPacket request(std::uint32_t sequence) {
  return {.sequence = sequence,
          .t1 = 0xee00'0000'0000'0000ULL + sequence,
          .error_estimate = {},
          .ssid = ssid};
}

wire::ReflectorPacket reply(std::uint32_t sequence) {
  wire::ReflectorPacket packet;
  packet.sequence = sequence;
  packet.t3 = 0xee00'0000'0000'2000ULL + sequence;
  packet.t2 = 0xee00'0000'0000'1000ULL + sequence;
  packet.ssid = ssid;
  packet.sender_sequence = sequence;
  packet.sender_t1 = 0xee00'0000'0000'0000ULL + sequence;
  packet.sender_error_estimate = packet.error_estimate.encode();
  packet.sender_ttl = 64;
  return packet;
}

void seal_if_needed(wire::Mode mode, Packet& packet, wire::Hmac& hmac) {
  if (mode == wire::Mode::authenticated) wire::seal(packet, hmac);
}

Packet written(wire::Mode mode, const wire::SenderPacket& packet, wire::Hmac& hmac) {
  Packet bytes(wire::layout(mode).base_size);
  wire::encode_sender(mode, packet, bytes);
  seal_if_needed(mode, bytes, hmac);
  return bytes;
}

Packet written(wire::Mode mode, const wire::ReflectorPacket& packet, wire::Hmac& hmac) {
  Packet bytes(wire::layout(mode).base_size);
  wire::encode_reflector(mode, packet, bytes);
  seal_if_needed(mode, bytes, hmac);
  return bytes;
}

auto decoded(wire::Mode mode, const wire::SenderPacket& /*of this kind*/, const Packet& bytes,
             wire::Hmac& hmac) {
  return wire::decode_sender(mode, bytes, &hmac);
}

auto decoded(wire::Mode mode, const wire::ReflectorPacket& /*of this kind*/, const Packet& bytes,
             wire::Hmac& hmac) {
  return wire::decode_reflector(mode, bytes, &hmac);
}

template <class Make>
void encode(benchmark::State& state, wire::Mode mode, Make make) {
  auto hmac = make_hmac();
  Packet bytes(wire::layout(mode).base_size);
  auto packet = make(0);
  for ([[maybe_unused]] auto _ : state) {
    ++packet.sequence;
    if constexpr (std::is_same_v<decltype(packet), wire::SenderPacket>) {
      wire::encode_sender(mode, packet, bytes);
    } else {
      wire::encode_reflector(mode, packet, bytes);
    }
    seal_if_needed(mode, bytes, hmac);
    benchmark::DoNotOptimize(bytes.data());
    benchmark::ClobberMemory();
  }
  count_items(state, 1);
}

template <class Make>
void decode(benchmark::State& state, wire::Mode mode, Make make) {
  auto hmac = make_hmac();
  std::vector<Packet> packets;
  for (std::uint32_t i = 0; i < packet_count; ++i) {
    packets.push_back(written(mode, make(i), hmac));
    const auto read = decoded(mode, make(i), packets.back(), hmac);
    NETOBS_CHECK(read && *read == make(i), "packet {} is not read as it was written", i);
  }
  std::size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    auto read = decoded(mode, make(0), packets[next], hmac);
    benchmark::DoNotOptimize(read);
    next = (next + 1) % packet_count;
  }
  count_items(state, 1);
}

void add_mode(const std::string& mode_name, wire::Mode mode) {
  const auto add = [&](const std::string& what, auto run) {
    benchmark::RegisterBenchmark(fmt::format("packet/{}/{}", what, mode_name).c_str(), run);
  };
  add("encode_request", [mode](benchmark::State& state) { encode(state, mode, request); });
  add("encode_reply", [mode](benchmark::State& state) { encode(state, mode, reply); });
  add("decode_request", [mode](benchmark::State& state) { decode(state, mode, request); });
  add("decode_reply", [mode](benchmark::State& state) { decode(state, mode, reply); });
}

}  // namespace

void register_packet() {
  add_mode("plain", wire::Mode::unauthenticated);
  add_mode("authenticated", wire::Mode::authenticated);
}

}  // namespace netobs::micro
