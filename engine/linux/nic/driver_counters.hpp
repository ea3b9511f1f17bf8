#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "linux/nic/nic_device.hpp"
#include "linux/os/netlink.hpp"

namespace netobs::nic {

/// Whether a counter of `ethtool -S` is one of transmissions that were to be stamped and were not:
/// "tx_hwtstamp_skipped", "tx_hwtstamp_timeouts". Every driver has names of its own.
[[nodiscard]] bool counts_unstamped_tx(std::string_view name);

/// Transmissions that a driver did not stamp, counted from this object's making. Where Linux (6.10)
/// and the driver have the common statistics (ETHTOOL_MSG_TSINFO_GET: lost and err), those; else
/// the sum of the counters of `ethtool -S` whose names mean it.
class UnstampedTx {
 public:
  /// Made in the namespace of `device`, which outlives it.
  explicit UnstampedTx(const NicDevice& device);
  /// nullopt: there is no such counter. Some drivers reset theirs with the link; then 0.
  [[nodiscard]] std::optional<std::uint64_t> count();

 private:
  [[nodiscard]] std::optional<std::uint64_t> total();
  [[nodiscard]] std::optional<std::uint64_t> common_statistics();
  const NicDevice* device_;
  std::optional<os::Netlink> netlink_;
  std::uint16_t family_ = 0;  ///< the number of ethtool's generic netlink family; 0 = none
  std::optional<std::uint64_t> start_;
};

}  // namespace netobs::nic
