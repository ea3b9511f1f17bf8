#pragma once
// Where the fields of IPv4 (RFC 791), IPv6 (RFC 8200) and UDP (RFC 768) headers are, octets from
// the header's beginning, and what their addresses are as Endpoints.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "core/base/endpoint.hpp"

namespace netobs::wire {

inline constexpr std::uint8_t protocol_udp = 17;

inline constexpr std::size_t v4_header_bytes = 20;  ///< without options
inline constexpr std::size_t at_v4_length = 2;
inline constexpr std::size_t at_v4_fragment = 6;
inline constexpr std::size_t at_v4_ttl = 8;
inline constexpr std::size_t at_v4_protocol = 9;
inline constexpr std::size_t at_v4_checksum = 10;
inline constexpr std::size_t at_v4_source = 12;
inline constexpr std::uint16_t v4_fragment_bits = 0x3fff;  ///< more fragments, and the offset
inline constexpr std::uint16_t v4_fragment_offset = 0x1fff;

inline constexpr std::size_t v6_header_bytes = 40;
inline constexpr std::size_t at_v6_length = 4;
inline constexpr std::size_t at_v6_next_header = 6;
inline constexpr std::size_t at_v6_hop_limit = 7;
inline constexpr std::size_t at_v6_source = 8;

inline constexpr std::size_t udp_header_bytes = 8;
inline constexpr std::size_t at_udp_source = 0;
inline constexpr std::size_t at_udp_destination = 2;
inline constexpr std::size_t at_udp_length = 4;
inline constexpr std::size_t at_udp_checksum = 6;

/// address: 4 or 16 octets.
[[nodiscard]] inline Endpoint to_endpoint(std::span<const std::byte> address, std::uint16_t port) {
  Endpoint endpoint;
  if (address.size() == 4) endpoint = Endpoint::v4({}, port);
  const auto place = endpoint.address.size() - address.size();
  std::memcpy(endpoint.address.data() + place, address.data(), address.size());
  endpoint.port = port;
  return endpoint;
}

/// An IPv4-mapped address must not stand in a packet (RFC 4291 2.5.5.2 is for programs): as an
/// Endpoint it would pass for IPv4, and the two ends of one datagram for different versions.
[[nodiscard]] inline bool has_mapped_address(std::span<const std::byte> both_addresses) {
  const std::size_t each = both_addresses.size() / 2;
  return each == sizeof(Endpoint::address) && (to_endpoint(both_addresses.first(each), 0).is_v4() ||
                                               to_endpoint(both_addresses.last(each), 0).is_v4());
}

}  // namespace netobs::wire
