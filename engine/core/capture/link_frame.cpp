#include "core/capture/link_frame.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/wire/ip_layout.hpp"
#include "core/wire/link_layer.hpp"

namespace netobs::capture {
namespace {

using Bytes = std::span<const std::byte>;

constexpr unsigned most_tags = 4;
constexpr unsigned most_extension_headers = 8;

constexpr std::array<std::string_view, link_type_count> link_names{
    "ethernet", "linux_cooked_v1", "linux_cooked_v2", "raw_ip", "bsd_loopback"};
constexpr std::array<std::string_view, skip_count> skip_names{
    "not_ip",         "truncated_headers", "bad_ip_header", "too_many_headers",
    "later_fragment", "other_protocol",    "other_icmp",    "bad_udp_length"};

std::unexpected<Skip> skip(Skip why) {
  return std::unexpected(why);
}

/// Where the link layer ends, before any VLAN tags.
struct Link {
  std::uint16_t ethertype = 0;
  std::size_t network_offset = 0;
  Direction direction = Direction::unknown;
};

Direction cooked_direction(std::size_t packet_type) {
  constexpr std::size_t outgoing = 4;
  return packet_type == outgoing  ? Direction::outgoing
         : packet_type < outgoing ? Direction::incoming
                                  : Direction::unknown;
}

std::expected<Link, Skip> ethernet(Bytes frame) {
  constexpr std::size_t at_type = 12;
  constexpr std::size_t header = 14;
  if (frame.size() < header) return skip(Skip::truncated_headers);
  return Link{load_be<std::uint16_t>(frame, at_type), header, Direction::unknown};
}

/// LINKTYPE_LINUX_SLL.
std::expected<Link, Skip> linux_cooked_v1(Bytes frame) {
  constexpr std::size_t at_type = 14;
  constexpr std::size_t header = 16;
  if (frame.size() < header) return skip(Skip::truncated_headers);
  return Link{load_be<std::uint16_t>(frame, at_type), header,
              cooked_direction(load_be<std::uint16_t>(frame, 0))};
}

/// LINKTYPE_LINUX_SLL2.
std::expected<Link, Skip> linux_cooked_v2(Bytes frame) {
  constexpr std::size_t at_packet_type = 10;
  constexpr std::size_t header = 20;
  if (frame.size() < header) return skip(Skip::truncated_headers);
  return Link{load_be<std::uint16_t>(frame, 0), header,
              cooked_direction(load_be<std::uint8_t>(frame, at_packet_type))};
}

std::expected<Link, Skip> raw_ip(Bytes frame) {
  if (frame.empty()) return skip(Skip::truncated_headers);
  const auto version = load_be<std::uint8_t>(frame, 0) >> 4U;
  if (version == 4) return Link{wire::ethertype_v4, 0, Direction::unknown};
  if (version == 6) return Link{wire::ethertype_v6, 0, Direction::unknown};
  return skip(Skip::not_ip);
}

/// The family is in the byte order of the host that captured, and 4.4BSD's descendants disagree
/// about the number of IPv6.
std::expected<Link, Skip> bsd_loopback(Bytes frame) {
  constexpr std::size_t header = 4;
  constexpr std::uint32_t inet = 2;
  constexpr std::array<std::uint32_t, 4> inet6{10, 24, 28, 30};
  if (frame.size() < header) return skip(Skip::truncated_headers);
  auto family = load_be<std::uint32_t>(frame, 0);
  if (family > 0xffff) family = __builtin_bswap32(family);
  if (family == inet) return Link{wire::ethertype_v4, header, Direction::unknown};
  if (std::ranges::find(inet6, family) != inet6.end()) {
    return Link{wire::ethertype_v6, header, Direction::unknown};
  }
  return skip(Skip::not_ip);
}

using ReadLink = std::expected<Link, Skip> (*)(Bytes);
constexpr std::array<ReadLink, link_type_count> link_table{ethernet, linux_cooked_v1,
                                                           linux_cooked_v2, raw_ip, bsd_loopback};

constexpr std::uint8_t icmp_v4 = 1;
constexpr std::uint8_t icmp_v6 = 58;

/// What the two IP versions leave for the transport.
struct Network {
  Bytes addresses;              ///< source and destination
  Bytes transport;              ///< as much as was captured of it
  std::size_t declared = 0;     ///< octets of it by the headers
  bool length_unknown = false;  ///< the headers do not say
  std::uint8_t protocol = 0;
  std::uint8_t ttl = 0;
  bool first_fragment = false;
};

/// Cuts what follows the IP packet off (Ethernet's padding). A length of 0 is what segmentation by
/// the NIC leaves in a packet that was captured before it.
Bytes within(Bytes ip, std::size_t declared) {
  return ip.first(std::min(ip.size(), declared));
}

std::expected<Network, Skip> read_v4(Bytes ip) {
  if (ip.size() < wire::v4_header_bytes) return skip(Skip::truncated_headers);
  const auto first = load_be<std::uint8_t>(ip, 0);
  const std::size_t header = std::size_t{first & 0x0fU} * 4;
  const std::size_t total = load_be<std::uint16_t>(ip, wire::at_v4_length);
  if (first >> 4U != 4 || header < wire::v4_header_bytes || (total != 0 && total < header)) {
    return skip(Skip::bad_ip_header);
  }
  const auto protocol = load_be<std::uint8_t>(ip, wire::at_v4_protocol);
  if (protocol != wire::protocol_udp && protocol != icmp_v4) return skip(Skip::other_protocol);
  const auto fragment = load_be<std::uint16_t>(ip, wire::at_v4_fragment) & wire::v4_fragment_bits;
  if ((fragment & wire::v4_fragment_offset) != 0) return skip(Skip::later_fragment);
  if (ip.size() < header) return skip(Skip::truncated_headers);
  const std::size_t length = total != 0 ? total : ip.size();
  return Network{.addresses = ip.subspan(wire::at_v4_source, 8),
                 .transport = within(ip, length).subspan(header),
                 .declared = length - header,
                 .length_unknown = total == 0,
                 .protocol = protocol,
                 .ttl = load_be<std::uint8_t>(ip, wire::at_v4_ttl),
                 .first_fragment = fragment != 0};
}

// RFC 8200 section 4, RFC 4302 (AH), RFC 6275 (mobility), RFC 7401 (HIP), RFC 5533 (shim6).
constexpr std::uint8_t extension_fragment = 44;
constexpr std::uint8_t extension_authentication = 51;
constexpr std::array<std::uint8_t, 6> other_extensions{0, 43, 60, 135, 139, 140};

bool is_extension(std::uint8_t protocol) {
  return protocol == extension_fragment || protocol == extension_authentication ||
         std::ranges::find(other_extensions, protocol) != other_extensions.end();
}

std::size_t extension_bytes(std::uint8_t kind, std::uint8_t length_field) {
  if (kind == extension_fragment) return 8;
  if (kind == extension_authentication) return (std::size_t{length_field} + 2) * 4;
  return (std::size_t{length_field} + 1) * 8;
}

/// Takes one extension header off the front of `network`.
std::optional<Skip> pass_extension(Network& network) {
  const auto past_the_end = network.length_unknown ? Skip::truncated_headers : Skip::bad_ip_header;
  if (network.declared < 8) return past_the_end;
  if (network.transport.size() < 8) return Skip::truncated_headers;
  const auto kind = network.protocol;
  const auto bytes = extension_bytes(kind, load_be<std::uint8_t>(network.transport, 1));
  network.protocol = load_be<std::uint8_t>(network.transport, 0);
  if (bytes > network.declared) return past_the_end;
  if (kind == extension_fragment) {
    constexpr std::uint16_t offset = 0xfff8;
    constexpr std::uint16_t more = 1;
    const auto field = load_be<std::uint16_t>(network.transport, 2);
    if ((field & offset) != 0) return Skip::later_fragment;
    network.first_fragment = network.first_fragment || (field & more) != 0;
  }
  if (bytes > network.transport.size()) return Skip::truncated_headers;
  network.transport = network.transport.subspan(bytes);
  network.declared -= bytes;
  return std::nullopt;
}

std::expected<Network, Skip> read_v6(Bytes ip) {
  if (ip.size() < wire::v6_header_bytes) return skip(Skip::truncated_headers);
  if (load_be<std::uint8_t>(ip, 0) >> 4U != 6) return skip(Skip::bad_ip_header);
  const std::size_t declared = load_be<std::uint16_t>(ip, wire::at_v6_length);
  const auto captured = ip.subspan(wire::v6_header_bytes);
  const std::size_t length = declared != 0 ? declared : captured.size();
  Network network{.addresses = ip.subspan(wire::at_v6_source, 32),
                  .transport = within(captured, length),
                  .declared = length,
                  .length_unknown = declared == 0,
                  .protocol = load_be<std::uint8_t>(ip, wire::at_v6_next_header),
                  .ttl = load_be<std::uint8_t>(ip, wire::at_v6_hop_limit),
                  .first_fragment = false};
  for (unsigned count = 0; is_extension(network.protocol); ++count) {
    if (count == most_extension_headers) return skip(Skip::too_many_headers);
    if (const auto why = pass_extension(network)) return skip(*why);
  }
  if (network.protocol != wire::protocol_udp && network.protocol != icmp_v6) {
    return skip(Skip::other_protocol);
  }
  if (wire::has_mapped_address(network.addresses)) return skip(Skip::bad_ip_header);
  return network;
}

/// The ports, and how many octets the datagram has with its header, by UDP or, of a first fragment,
/// by IP.
std::optional<Skip> read_udp(const Network& network, Datagram& out, std::size_t& length) {
  const auto& udp = network.transport;
  length = load_be<std::uint16_t>(udp, wire::at_udp_length);
  const bool fits = length <= network.declared || network.length_unknown;
  if (length < wire::udp_header_bytes || (!fits && !network.first_fragment))
    return Skip::bad_udp_length;
  if (network.first_fragment) length = std::min(length, network.declared);
  out.source.port = load_be<std::uint16_t>(udp, wire::at_udp_source);
  out.destination.port = load_be<std::uint16_t>(udp, wire::at_udp_destination);
  return std::nullopt;
}

/// RFC 792, RFC 4443 section 4.
std::optional<Skip> read_icmp(const Network& network, Datagram& out) {
  constexpr std::uint16_t v4_request = 8;
  constexpr std::uint16_t v4_reply = 0;
  constexpr std::uint16_t v6_request = 128;
  constexpr std::uint16_t v6_reply = 129;
  const bool v4 = network.protocol == icmp_v4;
  const auto type = load_be<std::uint8_t>(network.transport, 0);
  const auto code = load_be<std::uint8_t>(network.transport, 1);
  const bool request = type == (v4 ? v4_request : v6_request);
  if (code != 0 || (!request && type != (v4 ? v4_reply : v6_reply))) return Skip::other_icmp;
  out.transport = request ? Transport::icmp_echo_request : Transport::icmp_echo_reply;
  out.icmp_id = load_be<std::uint16_t>(network.transport, 4);
  out.icmp_sequence = load_be<std::uint16_t>(network.transport, 6);
  return std::nullopt;
}

std::expected<Datagram, Skip> read_transport(const Network& network, Direction direction) {
  constexpr std::size_t header = 8;  // of UDP and of an echo
  static_assert(header == wire::udp_header_bytes);
  const bool udp = network.protocol == wire::protocol_udp;
  if (network.declared < header && !network.length_unknown) {
    return skip(udp ? Skip::bad_udp_length : Skip::other_icmp);
  }
  if (network.transport.size() < header) return skip(Skip::truncated_headers);
  const std::size_t each = network.addresses.size() / 2;
  std::expected<Datagram, Skip> datagram;
  datagram->source = wire::to_endpoint(network.addresses.first(each), 0);
  datagram->destination = wire::to_endpoint(network.addresses.last(each), 0);
  datagram->direction = direction;
  datagram->ttl = network.ttl;
  datagram->first_fragment = network.first_fragment;
  std::size_t length = network.declared;
  const auto why = udp ? read_udp(network, *datagram, length) : read_icmp(network, *datagram);
  if (why) return skip(*why);
  datagram->payload_size = static_cast<std::uint32_t>(length - header);
  datagram->payload = within(network.transport, length).subspan(header);
  return datagram;
}

}  // namespace

std::string_view name(LinkType link) {
  return link_names[static_cast<std::size_t>(link)];
}
std::string_view name(Skip skip) {
  return skip_names[static_cast<std::size_t>(skip)];
}

std::expected<Datagram, Skip> read_link_frame(LinkType link_type, Bytes frame) {
  const auto link = link_table[static_cast<std::size_t>(link_type)](frame);
  if (!link) return skip(link.error());
  const auto layer = wire::pass_tags(frame, link->ethertype, link->network_offset, most_tags);
  if (!layer) return skip(Skip::truncated_headers);
  if (layer->tags > most_tags) return skip(Skip::too_many_headers);
  const auto ip = frame.subspan(layer->network_offset);
  const auto network = layer->ethertype == wire::ethertype_v4   ? read_v4(ip)
                       : layer->ethertype == wire::ethertype_v6 ? read_v6(ip)
                                                                : skip(Skip::not_ip);
  if (!network) return skip(network.error());
  return read_transport(*network, link->direction);
}

}  // namespace netobs::capture
