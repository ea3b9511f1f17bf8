#pragma once
// What stands in front of a frame in the UMEM: our XDP program's times on receive, the driver's on
// completion of a send.

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "bpf/abi.h"
#include "linux/transport/af_xdp/xsk_abi.hpp"

namespace netobs::xsk {

inline constexpr std::size_t receive_metadata_bytes = sizeof(netobs_xdp_metadata);

struct ReceiveTimes {
  std::int64_t ns = 0;           ///< of the program's clock
  std::int64_t hardware_ns = 0;  ///< of the NIC's clock; 0 = none
  friend bool operator==(const ReceiveTimes&, const ReceiveTimes&) = default;
};

/// Reads the program's times and erases them, so that a frame without any is never taken for the
/// one that lay there before. nullopt: the program could not write them (no room in front).
[[nodiscard]] inline std::optional<ReceiveTimes> take_receive_times(std::span<std::byte> before) {
  netobs_xdp_metadata metadata{};
  std::memcpy(&metadata, before.data(), sizeof metadata);
  if (metadata.magic != NETOBS_XDP_MAGIC) return std::nullopt;
  std::memset(before.data(), 0, sizeof metadata);
  return ReceiveTimes{static_cast<std::int64_t>(metadata.ns),
                      static_cast<std::int64_t>(metadata.hardware_ns)};
}

/// Says in front of a frame to be sent whether the driver shall leave its time there, and erases
/// what a frame before it got. `before`: everything in front of it, room for TxMetadata at least.
inline void ask_for_time(std::span<std::byte> before, bool wanted) {
  const TxMetadata metadata{.flags = wanted ? tx_metadata_timestamp : 0};
  std::memcpy(before.last<sizeof metadata>().data(), &metadata, sizeof metadata);
}

/// `before`: everything in front of a sent frame. nullopt: the driver left no time.
[[nodiscard]] inline std::optional<std::int64_t> completed_time(std::span<std::byte> before) {
  TxMetadata metadata;
  if (before.size() < sizeof metadata) return std::nullopt;
  std::memcpy(&metadata, before.data() + before.size() - sizeof metadata, sizeof metadata);
  if (metadata.timestamp_ns == 0) return std::nullopt;
  return static_cast<std::int64_t>(metadata.timestamp_ns);
}

}  // namespace netobs::xsk
