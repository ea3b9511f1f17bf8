#pragma once
// The only place that reads clocks.

#include <time.h>

#include <cstdint>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace netobs::os {

[[nodiscard]] inline std::int64_t read_clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}
[[nodiscard]] inline RealTime realtime_now() {
  return {read_clock_ns(CLOCK_REALTIME)};
}
[[nodiscard]] inline MonotonicTime monotonic_now() {
  return {read_clock_ns(CLOCK_MONOTONIC)};
}

/// CLOCK_REALTIME read between two reads of CLOCK_MONOTONIC.
struct BracketedRead {
  MonotonicTime before;
  RealTime realtime;
  MonotonicTime after;
};
[[nodiscard]] BracketedRead bracketed_read();

/// What the kernel says about the discipline of CLOCK_REALTIME (adjtimex(2), mode 0).
struct TimeDiscipline {
  bool synchronised = false;      ///< STA_UNSYNC is clear
  std::int64_t max_error_ns = 0;  ///< the kernel's bound on the error against UTC
  std::int32_t tai_offset_s = 0;  ///< TAI minus UTC as the kernel holds it; 0 when nobody set it
};
[[nodiscard]] Result<TimeDiscipline> read_time_discipline();

}  // namespace netobs::os
