#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/mac_address.hpp"
#include "core/base/result.hpp"
#include "linux/os/netlink.hpp"

namespace netobs::os {

/// A network device as something that sends Ethernet frames.
struct LinkDevice {
  int index = 0;
  std::string name;
  /// The device that carries the frames: of a VLAN device the one below it, else itself.
  int carrier_index = 0;
  std::string carrier;
  std::optional<VlanTag> vlan;  ///< to put into each frame
  MacAddress mac{};             ///< to send from
  std::uint32_t mtu_bytes = 0;
  bool loopback = false;
  bool resolves = true;  ///< false: it has no neighbours to resolve (IFF_NOARP, lo)
};

/// Errors: no such device (ENODEV), no Ethernet frames on it (EOPNOTSUPP): tun, ppp, raw IP; a VLAN
/// on a VLAN.
[[nodiscard]] Result<LinkDevice> link_device(Netlink& netlink, int index);
[[nodiscard]] Result<LinkDevice> link_device(const std::string& name);

}  // namespace netobs::os
