#pragma once
// Parts of include/uapi/linux/if_xdp.h that are younger than the oldest headers we build with.
// Their values are fixed; whether the kernel knows them is found out at run time.

#include <linux/if_xdp.h>

#include <cstddef>
#include <cstdint>

namespace netobs::xsk {

/// struct xdp_umem_reg since Linux 6.8. Before that its last field was padding.
struct UmemRegistration {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  std::uint32_t chunk_bytes = 0;
  std::uint32_t headroom_bytes = 0;
  std::uint32_t flags = 0;
  std::uint32_t tx_metadata_bytes = 0;
};
static_assert(sizeof(UmemRegistration) == 32);

/// XDP_UMEM_TX_METADATA_LEN, Linux 6.11: the length is meant. Linux 6.8 to 6.10 know the length
/// and refuse the flag; older kernels would ignore the length.
inline constexpr std::uint32_t umem_tx_metadata_flag = 1U << 2U;
inline constexpr std::uint32_t descriptor_has_metadata = 1U << 1U;  ///< XDP_TX_METADATA

/// struct xsk_tx_metadata, Linux 6.8: stands right before the frame. The timestamp comes back in
/// the place of what was asked for. Linux before 6.14 knows the first two fields and takes any
/// length.
struct TxMetadata {
  std::uint64_t flags = 0;
  std::uint64_t timestamp_ns = 0;  ///< by the NIC's clock; request: checksum offsets, unused here
  std::uint64_t launch_time = 0;
};
static_assert(sizeof(TxMetadata) == 24);
inline constexpr std::uint64_t tx_metadata_timestamp = 1U << 0U;  ///< XDP_TXMD_FLAGS_TIMESTAMP

}  // namespace netobs::xsk
