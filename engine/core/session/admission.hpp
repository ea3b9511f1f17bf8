#pragma once
// Who may be answered at all, before any state is kept for them.

#include <array>
#include <cstdint>
#include <span>

#include "core/base/endpoint.hpp"

namespace netobs {

/// A range of addresses. IPv4 prefixes are held as IPv4-mapped ones: 198.18.0.0/15 has length 111.
struct Prefix {
  std::array<std::uint8_t, 16> address{};
  std::uint8_t length = 0;  ///< bits, 0 to 128

  /// length: 0 to 32 for an IPv4 address, 0 to 128 for IPv6; checked. The port is ignored.
  [[nodiscard]] static Prefix of(const Endpoint& address, unsigned length);
  [[nodiscard]] bool contains(const Endpoint& endpoint) const;

  friend bool operator==(const Prefix&, const Prefix&) = default;
};

/// An empty list admits everyone.
[[nodiscard]] bool admitted(std::span<const Prefix> allowed, const Endpoint& peer);

/// Mixes an address and a number under a seed, for tables whose keys strangers choose.
[[nodiscard]] std::uint64_t seeded_hash(std::uint64_t seed,
                                        const std::array<std::uint8_t, 16>& address,
                                        std::uint64_t number);

}  // namespace netobs
