#pragma once
// One captured frame, down to the datagram in it. A capture may be cut off by its snap length, and
// what a host was about to send has no checksums yet, so lengths are believed up to what was
// captured and checksums are not looked at: whoever receives packets itself uses wire/udp_frame.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "core/base/endpoint.hpp"

namespace netobs::capture {

/// How the frames of a capture begin.
enum class LinkType : std::uint8_t {
  ethernet,
  linux_cooked_v1,  ///< SLL, of "any" in older captures: the direction, no interface
  linux_cooked_v2,  ///< SLL2
  raw_ip,           ///< begins with the IP header, of either version
  bsd_loopback,     ///< four octets of address family, in either byte order (NULL, LOOP)
};
inline constexpr std::size_t link_type_count = 5;
[[nodiscard]] std::string_view name(LinkType link);

/// What the datagram is of. Echoes are those of ICMP and ICMPv6.
enum class Transport : std::uint8_t { udp, icmp_echo_request, icmp_echo_reply };

/// Which way a packet went at the host that captured it.
enum class Direction : std::uint8_t {
  unknown,   ///< the link type does not say
  incoming,  ///< to this host, or overheard from others to others
  outgoing,
};

/// What a captured frame carries. The payload borrows from the frame.
struct Datagram {
  Endpoint source{};  ///< an echo's port is 0; link-local addresses have no scope
  Endpoint destination{};
  Transport transport = Transport::udp;
  Direction direction = Direction::unknown;
  std::uint8_t ttl = 0;         ///< or the hop limit
  bool first_fragment = false;  ///< the rest of the datagram is in other packets
  std::uint16_t icmp_id = 0;    ///< of an echo
  std::uint16_t icmp_sequence = 0;
  std::uint32_t payload_size = 0;  ///< by the headers, octets; of the first fragment its share
  /// What was captured of it: `payload_size` octets or fewer, never the padding of the link.
  std::span<const std::byte> payload{};

  [[nodiscard]] bool cut_off() const { return payload.size() < payload_size; }
};

/// Why a frame gives no datagram.
enum class Skip : std::uint8_t {
  not_ip,             ///< another network layer (ARP, 802.3 with LLC)
  truncated_headers,  ///< what was captured ends inside the headers
  bad_ip_header,      ///< version, lengths, an IPv4-mapped address in IPv6
  too_many_headers,   ///< more than 4 VLAN tags or 8 IPv6 extension headers
  later_fragment,     ///< not the first one: it has no ports
  other_protocol,     ///< TCP and the rest
  other_icmp,         ///< an error, neighbour discovery
  bad_udp_length,     ///< less than the header or more than the packet holds
};
inline constexpr std::size_t skip_count = 8;
[[nodiscard]] std::string_view name(Skip skip);

/// Passes Ethernet II, up to four VLAN tags, IPv4 options and IPv6 extension headers. Any octets
/// will do: never reads past `frame`, allocates nothing.
[[nodiscard]] std::expected<Datagram, Skip> read_link_frame(LinkType link,
                                                            std::span<const std::byte> frame);

}  // namespace netobs::capture
