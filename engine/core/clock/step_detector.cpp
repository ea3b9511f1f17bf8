#include "core/clock/step_detector.hpp"

#include <cstdlib>
#include <utility>

namespace netobs {

std::optional<ClockStep> StepDetector::feed(MonotonicTime before, RealTime realtime,
                                            MonotonicTime after) {
  const auto width = after - before;
  if (width < Duration::zero() || width > max_bracket) return std::nullopt;
  const auto half = width.count() / 2;
  const Sample now{after, realtime.ns - (before.ns + half), half + 1};
  const auto last = std::exchange(last_, now);
  if (!last) return std::nullopt;
  const auto elapsed_ns = (after - last->after).count();
  const auto tolerance = now.half_width_ns + last->half_width_ns + min_step.count() +
                         elapsed_ns / 1'000'000 * max_slew_ppm;
  const auto moved = now.offset_ns - last->offset_ns;
  if (std::llabs(moved) <= tolerance) return std::nullopt;
  return ClockStep{last->after, after, Duration(moved)};
}

std::optional<MonotonicTime> StepDetector::good_until() const {
  if (!last_) return std::nullopt;
  return last_->after;
}

}  // namespace netobs
