#pragma once

#include "linux/os/clock.hpp"

namespace netobs {

/// Tells a spinning loop when its time is over, without reading the clock on every turn: a read
/// costs a tenth of a receive that finds nothing. Far from the limit it looks on every eighth turn,
/// near it on every one.
class SpinClock {
 public:
  explicit SpinClock(MonotonicTime limit) : limit_(limit) {}

  [[nodiscard]] bool expired() {
    if (turns_to_skip_ != 0) {
      --turns_to_skip_;
      return false;
    }
    now_ = os::monotonic_now();
    // Eight turns of a system call each take a few microseconds.
    constexpr Duration far = std::chrono::microseconds(30);
    constexpr unsigned skipped_when_far = 7;
    if (limit_ - now_ > far) turns_to_skip_ = skipped_when_far;
    return now_ >= limit_;
  }
  /// Time left when the clock was last read.
  [[nodiscard]] Duration left() const { return limit_ - now_; }
  /// After a sleep: the last read no longer counts.
  void forget() { turns_to_skip_ = 0; }

 private:
  MonotonicTime limit_;
  MonotonicTime now_;
  unsigned turns_to_skip_ = 0;
};

}  // namespace netobs
