#pragma once
// Ethernet frames that carry one UDP datagram, built and parsed here because the kernel's stack is
// passed by. IPv4 (RFC 791), IPv6 (RFC 8200), UDP (RFC 768), at most one IEEE 802.1Q tag.

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/endpoint.hpp"
#include "core/base/mac_address.hpp"

namespace netobs::wire {

/// Everything in front of the payload that is the same for all datagrams of a flow.
struct UdpFlow {
  MacAddress source_mac{};
  MacAddress destination_mac{};
  std::optional<VlanTag> vlan{};
  Endpoint source{};  ///< of the same IP version as `destination` (checked)
  Endpoint destination{};
  std::uint8_t ttl = 255;
  std::uint8_t dscp = 0;
};

inline constexpr std::size_t longest_frame_header = 66;  ///< Ethernet, a tag, IPv6, UDP

/// The header of a flow's frames, made once and copied in front of each payload. IPv4 packets are
/// atomic: DF set, identification 0 (RFC 6864 section 4.1).
class FrameHeader {
 public:
  explicit FrameHeader(const UdpFlow& flow);

  [[nodiscard]] std::size_t size() const { return size_; }
  /// frame: size() octets of room and the payload, which is in place already. Writes header,
  /// lengths and checksums. The frame must not be longer than IP can say (checked).
  void write(std::span<std::byte> frame) const;

 private:
  std::array<std::byte, longest_frame_header> bytes_{};
  std::size_t size_ = 0;
  std::size_t ip_offset_ = 0;
  bool v4_ = false;
  std::uint64_t ip_sum_ = 0;   // of the IPv4 header without its length
  std::uint64_t udp_sum_ = 0;  // of pseudo-header and ports, without the lengths
};

/// What a received datagram's UDP checksum is worth.
enum class UdpChecksum : std::uint8_t {
  verified,
  absent,  ///< IPv4 only: the sender made none
  /// It holds the sum of the pseudo-header alone: left to a NIC that the packet never met
  /// (CHECKSUM_PARTIAL, between virtual devices of one host).
  offloaded,
};

struct UdpFrame {
  MacAddress source_mac{};
  MacAddress destination_mac{};
  std::optional<VlanTag> vlan{};
  Endpoint source{};
  Endpoint destination{};
  std::uint8_t ttl = 0;
  UdpChecksum checksum = UdpChecksum::verified;
  std::span<const std::byte> payload;
};

/// Why a frame is no datagram that may be used.
enum class FrameReject : std::uint8_t {
  truncated,         ///< it ends before its headers or its lengths do
  not_ip,            ///< another network layer
  too_many_tags,     ///< more than one VLAN tag
  bad_ip_header,     ///< version, header length, an IPv4-mapped address in IPv6
  bad_ip_checksum,   ///< IPv4
  fragment,          ///< IPv4; in IPv6 a fragment has an extension header
  not_udp,           ///< another transport, or an IPv6 extension header
  bad_udp_length,    ///< not that of the packet
  bad_udp_checksum,  ///< or none in IPv6 (RFC 8200 section 8.1)
};
inline constexpr std::size_t frame_reject_count = 9;
[[nodiscard]] std::string_view name(FrameReject reject);

/// Octets after the IP packet (Ethernet padding) are ignored. IPv4 options are passed over.
[[nodiscard]] std::expected<UdpFrame, FrameReject> parse_udp_frame(
    std::span<const std::byte> frame);

}  // namespace netobs::wire
