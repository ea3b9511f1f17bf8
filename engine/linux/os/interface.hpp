#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"

namespace netobs::os {

/// One network interface of the calling thread's network namespace.
struct InterfaceFacts {
  std::string name;
  int index = 0;
  std::string driver;  ///< ethtool's driver name; empty when it has none (lo)
  std::uint32_t mtu_bytes = 0;
  std::string qdisc;      ///< the root qdisc: "noqueue", "fq_codel"; empty when not told
  bool enslaved = false;  ///< a port of a bridge, a bond, a team or a VRF
  bool loopback = false;
  bool has_phc = false;  ///< the driver names a PTP hardware clock (ETHTOOL_GET_TS_INFO)
  std::optional<std::uint32_t> rx_coalesce_us;  ///< interrupt moderation, where the driver tells
  std::optional<std::uint32_t> tx_coalesce_us;

  /// No wire behind it: lo, veth, bridge, dummy, tun. Its times say nothing about a network.
  [[nodiscard]] bool is_virtual() const;
  /// "va0 (veth: no wire)", "eth0 (igb)".
  [[nodiscard]] std::string label() const;
};

/// Error when there is no such interface.
[[nodiscard]] Result<InterfaceFacts> interface_facts(const std::string& name);
/// The kernel computes checksums of what this interface sends from now on (ETHTOOL_STXCSUM). For
/// interfaces that belong to the caller: nothing is restored. Needs CAP_NET_ADMIN.
[[nodiscard]] Result<void> switch_off_tx_checksumming(const std::string& name);
/// Names of the interfaces that are up.
[[nodiscard]] Result<std::vector<std::string>> interfaces_up();
/// The interface that holds this address; nullopt when none does.
[[nodiscard]] std::optional<std::string> interface_holding(const Endpoint& address);
/// Every address of the calling thread's network namespace, port 0.
[[nodiscard]] std::vector<Endpoint> local_addresses();
/// How many receive queues the interface has now, at least 1 (ETHTOOL_GCHANNELS).
[[nodiscard]] unsigned receive_queue_count(const std::string& name);
/// Whether it carries an address that somebody gave it: any but an IPv6 link-local one.
[[nodiscard]] Result<bool> has_address(const std::string& name);
/// The source address that the routing table would use towards `remote`. Sends nothing.
[[nodiscard]] Result<Endpoint> source_address_towards(const Endpoint& remote);

}  // namespace netobs::os
