#pragma once
// Frames for the tables, built header by header.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace netobs::test {

using Bytes = std::vector<std::uint8_t>;

struct PacketSpec {
  std::vector<std::uint16_t> vlan_types;  ///< one tag each: 0x8100, 0x88a8
  bool ipv6 = false;
  std::size_t option_words = 0;           ///< IPv4 options, in words of 4 bytes
  std::uint16_t fragment_field = 0x4000;  ///< IPv4: flags and offset; 0x4000 = DF
  std::uint8_t protocol = 17;             ///< IPv4 protocol or IPv6 next header
  bool ipv6_hop_by_hop = false;           ///< an extension header before UDP
  std::uint16_t source_port = 862;
  std::uint16_t destination_port = 20000;
  std::size_t payload_bytes = 112;
  std::uint8_t source_host = 1;  ///< 198.18.0.x or fd00::x
  std::uint8_t destination_host = 2;
  bool ethernet = true;
};

/// The payload holds sequence 0x01020304, SSID 0x002a and sender sequence 0x05060708 where the
/// unauthenticated layout has them; SSID 0x0708 and sender sequence 0x090a0b0c where the
/// authenticated one has.
[[nodiscard]] Bytes probe_payload(std::size_t bytes);
[[nodiscard]] Bytes build(const PacketSpec& spec);
/// For a packet that begins with an IPv4 header without options.
void fix_ipv4_checksum(Bytes& packet);

}  // namespace netobs::test
