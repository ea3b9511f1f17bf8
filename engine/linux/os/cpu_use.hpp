#pragma once

#include <cstdint>

namespace netobs::os {

/// CPU time since boot, of the machine (/proc/stat) and of this process with the children it has
/// waited for: to tell how much others did between two moments.
struct CpuUse {
  std::int64_t all_ns = 0;   ///< of every CPU, idle time included
  std::int64_t busy_ns = 0;  ///< programs, and what the hypervisor gave away; without interrupts
  std::int64_t own_ns = 0;

  /// All zero where /proc/stat cannot be read.
  [[nodiscard]] static CpuUse now();
  /// 0 to 1, of all CPUs' time.
  [[nodiscard]] double others_share_since(const CpuUse& before) const;
};

}  // namespace netobs::os
