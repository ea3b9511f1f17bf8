#pragma once
// Making the calling thread and the machine answer faster. Every one of these is optional: a caller
// that gets an error warns and goes on.

#include <cstdint>
#include <utility>

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"

namespace netobs::os {

/// Keeps the calling thread on one CPU (0-based).
[[nodiscard]] Result<void> pin_thread_to_cpu(unsigned cpu);

/// How much later than asked the kernel may end the calling thread's waits; the default of 50 us
/// batches wake-ups (prctl(2) PR_SET_TIMERSLACK). Range: 1 and up.
[[nodiscard]] Result<void> set_timer_slack_ns(std::uint64_t slack_ns);

/// SCHED_FIFO for the calling thread. Priority 1 to 99. A spinning FIFO thread owns its CPU.
[[nodiscard]] Result<void> set_fifo_priority(int priority);

/// Keeps the process's present and future pages in memory, so that no page fault lands in a sample.
[[nodiscard]] Result<void> lock_memory();

/// Holds the CPUs out of idle states that take longer than `latency_us` to leave, for as long as it
/// lives (Documentation/power/pm_qos_interface.rst). 0 = no idle state at all.
class CpuLatencyHold {
 public:
  [[nodiscard]] static Result<CpuLatencyHold> make(std::int32_t latency_us);

 private:
  explicit CpuLatencyHold(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace netobs::os
