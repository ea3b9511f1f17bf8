#pragma once

#include <optional>

namespace netobs::os {

/// Which times of the NIC's clock a driver gives to XDP, by its own word (generic netlink, family
/// "netdev").
struct XdpClockFeatures {
  /// bpf_xdp_metadata_rx_timestamp. nullopt: the kernel does not tell (before Linux 6.6).
  std::optional<bool> receive;
  /// AF_XDP TX metadata of zero-copy sockets (Linux 6.8). What the kernel fills in for other
  /// sockets is the time of the completion by CLOCK_TAI, not the NIC's.
  bool transmit = false;
};

/// In the network namespace of the interface. Nothing is told where the kernel cannot be asked.
[[nodiscard]] XdpClockFeatures xdp_clock_features(int ifindex);

}  // namespace netobs::os
