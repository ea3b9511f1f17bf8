#pragma once
// Kernel ABI that the headers of Debian 12 do not know. Probed at run time, never by version.

#include <cstdint>
#include <optional>

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

/// struct __kernel_timespec, as delivered by SO_TIMESTAMPING_NEW.
struct Timespec64 {
  std::int64_t seconds;
  std::int64_t nanoseconds;
  /// nullopt when the slot is empty (all zero) or holds what no kernel writes: parts of a second
  /// outside 0 to 999999999, or a time beyond the years that 64 bits of nanoseconds hold.
  [[nodiscard]] constexpr std::optional<std::int64_t> total_ns() const {
    constexpr std::int64_t second_ns = 1'000'000'000;
    constexpr std::int64_t seconds_max = INT64_MAX / second_ns - 1;
    if (seconds == 0 && nanoseconds == 0) return std::nullopt;
    if (seconds < 0 || seconds > seconds_max) return std::nullopt;
    if (nanoseconds < 0 || nanoseconds >= second_ns) return std::nullopt;
    return seconds * second_ns + nanoseconds;
  }
};
/// struct scm_timestamping64: software, unused, hardware.
struct ScmTimestamping64 {
  Timespec64 software;
  Timespec64 unused;
  Timespec64 hardware;
};

}  // namespace netobs::abi
