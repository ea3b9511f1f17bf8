#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "core/capture/link_frame.hpp"

namespace netobs::capture {

/// Two endpoints without a direction: both ways of a conversation have one key.
struct FlowKey {
  std::array<std::uint64_t, 5> words{};  ///< the lower endpoint's address, the other's, the ports
  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};

/// Multiplies and folds; with a seed that nobody knows beforehand, a capture cannot be made to fill
/// one bucket.
struct FlowKeyHash {
  std::uint64_t seed = 0;
  std::size_t operator()(const FlowKey& key) const noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ULL;
    std::uint64_t hash = seed;
    for (const auto word : key.words) {
      hash = (hash ^ word) * odd;
      hash ^= hash >> 29U;
    }
    return static_cast<std::size_t>(hash);
  }
};

struct OrientedFlow {
  FlowKey key;
  unsigned side = 0;  ///< 0: the packet's source is the lower endpoint
};

/// An echo's identifier stands for the ports.
[[nodiscard]] inline OrientedFlow orient(const Datagram& datagram) {
  struct End {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::uint16_t port = 0;
  };
  const bool udp = datagram.transport == Transport::udp;
  const auto read = [&](const Endpoint& endpoint) {
    End end;
    std::memcpy(&end.high, endpoint.address.data(), sizeof end.high);
    std::memcpy(&end.low, endpoint.address.data() + sizeof end.high, sizeof end.low);
    end.port = udp ? endpoint.port : datagram.icmp_id;
    return end;
  };
  End from = read(datagram.source);
  End to = read(datagram.destination);
  const auto less = [](const End& a, const End& b) {
    if (a.high != b.high) return a.high < b.high;
    if (a.low != b.low) return a.low < b.low;
    return a.port < b.port;
  };
  OrientedFlow flow;
  flow.side = less(to, from) ? 1 : 0;
  if (flow.side == 1) std::swap(from, to);
  constexpr std::uint64_t echo = std::uint64_t{1} << 32U;
  flow.key.words = {from.high, from.low, to.high, to.low,
                    (udp ? 0 : echo) | std::uint64_t{from.port} << 16U | to.port};
  return flow;
}

}  // namespace netobs::capture
