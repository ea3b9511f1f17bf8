#pragma once

#include <optional>

#include "core/base/time.hpp"

namespace netobs {

/// A jump of CLOCK_REALTIME against CLOCK_MONOTONIC, somewhere between the two instants.
struct ClockStep {
  MonotonicTime last_good;
  MonotonicTime detected;
  Duration size{};  ///< positive: the clock was set forward
};

/// Watches the distance between the two clocks: slewing changes it slowly, setting the clock at
/// once. Fed by one thread. The reads come from outside: this class reads no clock.
class StepDetector {
 public:
  /// before <= after bracket the read of realtime. A bracket too wide to judge is ignored.
  /// Returns the step if there was one since the last good bracket.
  [[nodiscard]] std::optional<ClockStep> feed(MonotonicTime before, RealTime realtime,
                                              MonotonicTime after);
  /// Up to here the clock is known to have run without a step; nullopt before the first good
  /// bracket.
  [[nodiscard]] std::optional<MonotonicTime> good_until() const;

  /// A preempted bracket says nothing; this is the widest that is believed.
  static constexpr Duration max_bracket = std::chrono::microseconds(50);
  /// adjtimex(2) allows a frequency offset of 500 ppm on top of the kernel's own tick correction.
  static constexpr std::int64_t max_slew_ppm = 1000;
  /// Smaller steps than this drown in the brackets and in slewing.
  static constexpr Duration min_step = std::chrono::microseconds(10);

 private:
  struct Sample {
    MonotonicTime after;
    std::int64_t offset_ns;
    std::int64_t half_width_ns;
  };
  std::optional<Sample> last_;
};

}  // namespace netobs
