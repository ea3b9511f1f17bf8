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
inline constexpr std::uint16_t ethertype_old_service_vlan = 0x9100;  ///< before IEEE 802.1ad

/// Where a frame's network layer is.
struct LinkLayer {
  std::uint16_t ethertype = 0;
  std::size_t network_offset = 0;
  unsigned tags = 0;
  VlanTag tag;  ///< the last one
};

/// Passes the VLAN tags of a frame whose link header said `ethertype` and ends at `network_offset`.
/// nullopt: the frame ends before. Looks at no more than `most_tags` + 1 tags. 0x9100 is a tag
/// where `most_tags` allows for more than the one that hosts use.
[[nodiscard]] inline std::optional<LinkLayer> pass_tags(std::span<const std::byte> frame,
                                                        std::uint16_t ethertype,
                                                        std::size_t network_offset,
                                                        unsigned most_tags) {
  constexpr std::size_t tag = 4;
  constexpr std::uint16_t id_mask = 0x0fff;
  LinkLayer layer{.ethertype = ethertype, .network_offset = network_offset, .tags = 0, .tag = {}};
  while (layer.ethertype == ethertype_vlan || layer.ethertype == ethertype_service_vlan ||
         (layer.ethertype == ethertype_old_service_vlan && most_tags > 1)) {
    if (layer.tags > most_tags) break;
    if (frame.size() < layer.network_offset + tag) return std::nullopt;
    ++layer.tags;
    const auto control = load_be<std::uint16_t>(frame, layer.network_offset);
    layer.tag = {layer.ethertype, static_cast<std::uint16_t>(control & id_mask)};
    layer.ethertype = load_be<std::uint16_t>(frame, layer.network_offset + 2);
    layer.network_offset += tag;
  }
  return layer;
}

/// The same for an Ethernet frame, from its beginning.
[[nodiscard]] inline std::optional<LinkLayer> read_link_layer(std::span<const std::byte> frame,
                                                              unsigned most_tags) {
  constexpr std::size_t addresses = 12;
  constexpr std::size_t header = 14;
  if (frame.size() < header) return std::nullopt;
  return pass_tags(frame, load_be<std::uint16_t>(frame, addresses), header, most_tags);
}

}  // namespace netobs::wire
