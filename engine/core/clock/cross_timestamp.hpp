#pragma once

#include <cstdint>

namespace netobs {

/// One look at two clocks at the same time: a NIC's PTP hardware clock (PHC) and CLOCK_REALTIME.
struct CrossTimestamp {
  std::int64_t nic_ns = 0;  ///< the PHC, on whatever time scale it keeps
  /// CLOCK_REALTIME at that instant, nanoseconds, right within +- half_width_ns.
  std::int64_t realtime_ns = 0;
  std::int64_t half_width_ns = 0;  ///< >= 0
  friend bool operator==(const CrossTimestamp&, const CrossTimestamp&) = default;
};

}  // namespace netobs
