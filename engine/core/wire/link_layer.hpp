#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/bytes.hpp"
#include "core/base/mac_address.hpp"

namespace netobs::wire {

inline constexpr std::uint16_t ethertype_v4 = 0x0800;
inline constexpr std::uint16_t ethertype_v6 = 0x86dd;
inline constexpr std::uint16_t ethertype_vlan = 0x8100;
inline constexpr std::uint16_t ethertype_service_vlan = 0x88a8;
inline constexpr std::uint8_t protocol_udp = 17;

/// Where an Ethernet frame's network layer is.
struct LinkLayer {
  std::uint16_t ethertype = 0;
  std::size_t network_offset = 0;
  unsigned tags = 0;
  VlanTag tag;  ///< the last one
};

/// Passes the Ethernet header and every tag. nullopt: the frame ends before. Looks at no more than
/// `most_tags` + 1 tags.
[[nodiscard]] inline std::optional<LinkLayer> read_link_layer(std::span<const std::byte> frame,
                                                              unsigned most_tags) {
  constexpr std::size_t addresses = 12;
  constexpr std::size_t type = 2;
  constexpr std::size_t tag = 4;
  constexpr std::uint16_t id_mask = 0x0fff;
  LinkLayer layer;
  for (std::size_t at = addresses; frame.size() >= at + type; at += tag) {
    layer.ethertype = load_be<std::uint16_t>(frame, at);
    layer.network_offset = at + type;
    const bool tagged =
        layer.ethertype == ethertype_vlan || layer.ethertype == ethertype_service_vlan;
    if (!tagged || layer.tags > most_tags) return layer;
    if (frame.size() < at + tag) break;
    ++layer.tags;
    const auto control = load_be<std::uint16_t>(frame, at + type);
    layer.tag = {layer.ethertype, static_cast<std::uint16_t>(control & id_mask)};
  }
  return std::nullopt;
}

}  // namespace netobs::wire
