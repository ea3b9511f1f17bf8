#pragma once
// Kernel ABI that the headers of Debian 12 do not know. Probed at run time, never by version.

#include <cstdint>

namespace netobs::abi {

// include/uapi/asm-generic/socket.h
inline constexpr int so_timestamping_new = 65;  // also the type of the control message
inline constexpr int scm_ts_opt_id = 81;

// include/uapi/linux/io_uring.h
inline constexpr unsigned socket_uring_op_tx_timestamp = 4;
inline constexpr unsigned setup_cqe_mixed = 1U << 18U;
inline constexpr unsigned cqe_skip_flag = 1U << 5U;
inline constexpr unsigned cqe_32_flag = 1U << 15U;
inline constexpr unsigned cqe_tstamp_hw_flag = 1U << 16U;
inline constexpr unsigned cqe_tstamp_type_shift = 17;

/// struct scm_timestamping64: software, unused, hardware.
struct Timespec64 {
  std::int64_t seconds;
  std::int64_t nanoseconds;
  [[nodiscard]] constexpr bool is_set() const { return seconds != 0 || nanoseconds != 0; }
  [[nodiscard]] constexpr std::int64_t total_ns() const {
    return seconds * 1'000'000'000 + nanoseconds;
  }
};
struct ScmTimestamping64 {
  Timespec64 software;
  Timespec64 unused;
  Timespec64 hardware;
};

}  // namespace netobs::abi
