#pragma once

#include "core/clock/step_detector.hpp"
#include "core/correlate/observation.hpp"

namespace netobs::app {

/// Compares the clocks about every millisecond and tells the record thread either that
/// CLOCK_REALTIME has run without a step up to now, or where it stepped. Hot thread only.
class ClockWatch {
 public:
  explicit ClockWatch(ObservationQueue& observations) : observations_(&observations) {}

  /// Cheap when nothing is due. now: just read.
  void check(MonotonicTime now);
  /// Regardless of when the last check was: before a record may be closed for good.
  void check_now();

 private:
  ObservationQueue* observations_;
  StepDetector detector_;
  MonotonicTime due_;
};

}  // namespace netobs::app
