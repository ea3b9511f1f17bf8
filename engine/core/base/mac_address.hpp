#pragma once

#include <array>
#include <cstdint>

namespace netobs {

/// A 48-bit Ethernet address, in the order it has on the wire. All zero: an interface without one
/// (lo).
using MacAddress = std::array<std::uint8_t, 6>;

/// An IEEE 802.1Q tag.
struct VlanTag {
  std::uint16_t protocol = 0x8100;  ///< 0x8100 (802.1Q) or 0x88a8 (802.1ad)
  std::uint16_t id = 0;             ///< 1 to 4094
  friend bool operator==(const VlanTag&, const VlanTag&) = default;
};

}  // namespace netobs
