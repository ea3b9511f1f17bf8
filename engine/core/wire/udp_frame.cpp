#include "core/wire/udp_frame.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/bytes.hpp"
#include "core/base/check.hpp"
#include "core/wire/internet_checksum.hpp"
#include "core/wire/ip_layout.hpp"
#include "core/wire/link_layer.hpp"

namespace netobs::wire {
namespace {

constexpr std::size_t mac_bytes = 6;
constexpr std::size_t mapped_offset = 12;  // of an IPv4 address in an IPv4-mapped one
constexpr std::size_t longest_ip_packet = 65535;
constexpr std::uint16_t dont_fragment = 0x4000;

constexpr std::array<std::string_view, frame_reject_count> reject_names{
    "truncated", "not_ip",  "too_many_tags",  "bad_ip_header",   "bad_ip_checksum",
    "fragment",  "not_udp", "bad_udp_length", "bad_udp_checksum"};

std::span<const std::byte> address_bytes(const Endpoint& endpoint) {
  return std::as_bytes(std::span(endpoint.address)).subspan(endpoint.is_v4() ? mapped_offset : 0);
}

void store_native(std::span<std::byte> bytes, std::size_t offset, std::uint16_t value) {
  std::memcpy(bytes.subspan(offset, sizeof value).data(), &value, sizeof value);
}

std::uint16_t complement(std::uint64_t sum) {
  return static_cast<std::uint16_t>(~checksum_fold(sum));
}

std::size_t put_link_layer(std::span<std::byte> out, const UdpFlow& flow, bool v4) {
  const auto put_mac = [&](std::size_t at, const MacAddress& mac) {
    std::ranges::copy(std::as_bytes(std::span(mac)), out.subspan(at).begin());
  };
  put_mac(0, flow.destination_mac);
  put_mac(mac_bytes, flow.source_mac);
  std::size_t at = 2 * mac_bytes;
  if (flow.vlan) {
    store_be(out, at, flow.vlan->protocol);
    store_be(out, at + 2, flow.vlan->id);
    at += 4;
  }
  store_be(out, at, v4 ? ethertype_v4 : ethertype_v6);
  return at + 2;
}

void put_v4(std::span<std::byte> ip, const UdpFlow& flow) {
  constexpr std::uint8_t version_and_words = 0x45;
  store_be(ip, 0, version_and_words);
  store_be(ip, 1, static_cast<std::uint8_t>(flow.dscp << 2U));
  store_be(ip, at_v4_fragment, dont_fragment);
  store_be(ip, at_v4_ttl, flow.ttl);
  store_be(ip, at_v4_protocol, protocol_udp);
  std::ranges::copy(address_bytes(flow.source), ip.subspan(at_v4_source).begin());
  std::ranges::copy(address_bytes(flow.destination), ip.subspan(at_v4_source + 4).begin());
}

void put_v6(std::span<std::byte> ip, const UdpFlow& flow) {
  constexpr std::uint32_t version = 6U << 28U;
  constexpr unsigned dscp_shift = 22;
  store_be(ip, 0, version | std::uint32_t{flow.dscp} << dscp_shift);
  store_be(ip, at_v6_next_header, protocol_udp);
  store_be(ip, at_v6_hop_limit, flow.ttl);
  std::ranges::copy(address_bytes(flow.source), ip.subspan(at_v6_source).begin());
  std::ranges::copy(address_bytes(flow.destination), ip.subspan(at_v6_source + 16).begin());
}

/// Addresses and protocol of the pseudo-header (RFC 768, RFC 8200 section 8.1), without the length.
std::uint64_t pseudo_header_sum(std::span<const std::byte> both_addresses) {
  return checksum_add(checksum_word(protocol_udp), both_addresses);
}

/// What the two IP versions leave for the transport.
struct Network {
  std::span<const std::byte> addresses;  ///< source and destination
  std::span<const std::byte> transport;  ///< to the end of the packet
  std::uint8_t ttl = 0;
};

std::expected<Network, FrameReject> read_v4(std::span<const std::byte> ip) {
  if (ip.size() < v4_header_bytes) return std::unexpected(FrameReject::truncated);
  const auto first = load_be<std::uint8_t>(ip, 0);
  const std::size_t header = std::size_t{first & 0x0fU} * 4;
  const auto total = load_be<std::uint16_t>(ip, at_v4_length);
  if (first >> 4U != 4 || header < v4_header_bytes || total < header) {
    return std::unexpected(FrameReject::bad_ip_header);
  }
  if (ip.size() < total) return std::unexpected(FrameReject::truncated);
  if (checksum_fold(checksum_add(0, ip.first(header))) != 0xffff) {
    return std::unexpected(FrameReject::bad_ip_checksum);
  }
  if ((load_be<std::uint16_t>(ip, at_v4_fragment) & v4_fragment_bits) != 0) {
    return std::unexpected(FrameReject::fragment);
  }
  if (load_be<std::uint8_t>(ip, at_v4_protocol) != protocol_udp) {
    return std::unexpected(FrameReject::not_udp);
  }
  return Network{ip.subspan(at_v4_source, 8), ip.subspan(header, total - header),
                 load_be<std::uint8_t>(ip, at_v4_ttl)};
}

std::expected<Network, FrameReject> read_v6(std::span<const std::byte> ip) {
  if (ip.size() < v6_header_bytes) return std::unexpected(FrameReject::truncated);
  if (load_be<std::uint8_t>(ip, 0) >> 4U != 6) return std::unexpected(FrameReject::bad_ip_header);
  const auto length = load_be<std::uint16_t>(ip, at_v6_length);
  if (ip.size() - v6_header_bytes < length) return std::unexpected(FrameReject::truncated);
  if (load_be<std::uint8_t>(ip, at_v6_next_header) != protocol_udp) {
    return std::unexpected(FrameReject::not_udp);
  }
  return Network{ip.subspan(at_v6_source, 32), ip.subspan(v6_header_bytes, length),
                 load_be<std::uint8_t>(ip, at_v6_hop_limit)};
}

std::optional<UdpChecksum> judge_checksum(const Network& network) {
  const auto& udp = network.transport;
  std::uint16_t field = 0;
  std::memcpy(&field, udp.subspan(at_udp_checksum).data(), sizeof field);
  const bool v4 = network.addresses.size() == 8;
  if (field == 0) return v4 ? std::optional(UdpChecksum::absent) : std::nullopt;
  const auto length = checksum_word(static_cast<std::uint16_t>(udp.size()));
  const auto pseudo = pseudo_header_sum(network.addresses) + length;
  if (checksum_fold(checksum_add(pseudo, udp)) == 0xffff) return UdpChecksum::verified;
  if (field == checksum_fold(pseudo)) return UdpChecksum::offloaded;
  return std::nullopt;
}

}  // namespace

std::string_view name(FrameReject reject) {
  return reject_names[static_cast<std::size_t>(reject)];
}

FrameHeader::FrameHeader(const UdpFlow& flow) : v4_(flow.destination.is_v4()) {
  NETOBS_CHECK(flow.source.is_v4() == v4_, "{} and {}", flow.source.text(),
               flow.destination.text());
  const std::span<std::byte> out(bytes_);
  ip_offset_ = put_link_layer(out, flow, v4_);
  const std::size_t ip_bytes = v4_ ? v4_header_bytes : v6_header_bytes;
  const auto ip = out.subspan(ip_offset_, ip_bytes);
  if (v4_) {
    put_v4(ip, flow);
    ip_sum_ = checksum_add(0, ip);
  } else {
    put_v6(ip, flow);
  }
  const auto udp = out.subspan(ip_offset_ + ip_bytes, udp_header_bytes);
  store_be(udp, 0, flow.source.port);
  store_be(udp, 2, flow.destination.port);
  const auto addresses = v4_ ? ip.subspan(at_v4_source) : ip.subspan(at_v6_source);
  udp_sum_ = checksum_add(pseudo_header_sum(addresses), udp);
  size_ = ip_offset_ + ip_bytes + udp_header_bytes;
}

void FrameHeader::write(std::span<std::byte> frame) const {
  NETOBS_CHECK(frame.size() >= size_ && frame.size() - ip_offset_ <= longest_ip_packet,
               "frame of {} octets", frame.size());
  std::memcpy(frame.data(), bytes_.data(), size_);
  const auto ip = frame.subspan(ip_offset_);
  const std::size_t ip_bytes = v4_ ? v4_header_bytes : v6_header_bytes;
  const auto udp = ip.subspan(ip_bytes);
  const auto udp_length = static_cast<std::uint16_t>(udp.size());
  if (v4_) {
    const auto total = static_cast<std::uint16_t>(ip.size());
    store_be(ip, at_v4_length, total);
    store_native(ip, at_v4_checksum, complement(ip_sum_ + checksum_word(total)));
  } else {
    store_be(ip, at_v6_length, udp_length);
  }
  store_be(udp, at_udp_length, udp_length);
  // The length counts twice: in the UDP header and in the pseudo-header.
  const auto sum =
      checksum_add(udp_sum_ + 2 * checksum_word(udp_length), udp.subspan(udp_header_bytes));
  const auto checksum = complement(sum);
  store_native(udp, at_udp_checksum, checksum == 0 ? std::uint16_t{0xffff} : checksum);
}

std::expected<UdpFrame, FrameReject> parse_udp_frame(std::span<const std::byte> frame) {
  constexpr unsigned most_tags = 1;
  const auto link = read_link_layer(frame, most_tags);
  if (!link) return std::unexpected(FrameReject::truncated);
  if (link->tags > most_tags) return std::unexpected(FrameReject::too_many_tags);
  const auto ip = frame.subspan(link->network_offset);
  const auto network = link->ethertype == ethertype_v4   ? read_v4(ip)
                       : link->ethertype == ethertype_v6 ? read_v6(ip)
                                                         : std::unexpected(FrameReject::not_ip);
  if (!network) return std::unexpected(network.error());
  if (has_mapped_address(network->addresses)) return std::unexpected(FrameReject::bad_ip_header);
  const auto& udp = network->transport;
  if (udp.size() < udp_header_bytes || load_be<std::uint16_t>(udp, at_udp_length) != udp.size()) {
    return std::unexpected(FrameReject::bad_udp_length);
  }
  const auto checksum = judge_checksum(*network);
  if (!checksum) return std::unexpected(FrameReject::bad_udp_checksum);
  UdpFrame parsed;
  std::memcpy(parsed.destination_mac.data(), frame.data(), mac_bytes);
  std::memcpy(parsed.source_mac.data(), frame.data() + mac_bytes, mac_bytes);
  if (link->tags > 0) parsed.vlan = link->tag;
  const std::size_t address_size = network->addresses.size() / 2;
  parsed.source =
      to_endpoint(network->addresses.first(address_size), load_be<std::uint16_t>(udp, 0));
  parsed.destination =
      to_endpoint(network->addresses.last(address_size), load_be<std::uint16_t>(udp, 2));
  parsed.ttl = network->ttl;
  parsed.checksum = *checksum;
  parsed.payload = udp.subspan(udp_header_bytes);
  return parsed;
}

}  // namespace netobs::wire
