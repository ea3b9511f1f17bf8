#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "bpf/abi.h"
#include "linux/os/clock.hpp"

namespace netobs::linux_bpf {

/// What a conversion is told of this host's clocks; a test tells its own.
struct HostClocks {
  std::function<Result<os::TimeDiscipline>()> discipline = os::read_time_discipline;
  std::function<os::BracketedRead()> read = os::bracketed_read;
};

/// Turns what the programs read into CLOCK_REALTIME. From TAI: minus the kernel's own offset,
/// exact, the offset read again every second of event time. From CLOCK_MONOTONIC: plus a bracketed
/// difference, measured again every 100 ms and whenever a look at the clocks shows a step.
/// Both ages are told by the events' own times: no clock is read while nothing happens.
class HookClock {
 public:
  /// TAI where wanted and the running kernel has it for BPF.
  [[nodiscard]] static HookClock make(bool tai_wanted);
  [[nodiscard]] static HookClock of(netobs_clock kind, HostClocks clocks);

  [[nodiscard]] netobs_clock kind() const { return kind_; }
  /// Before a batch of events is converted: whether CLOCK_REALTIME has been set since the last
  /// look. TAI moves with it; a difference from CLOCK_MONOTONIC would be wrong until it is measured
  /// again.
  void look_for_step() {
    if (kind_ == NETOBS_CLOCK_MONOTONIC && stepped()) refresh_at_ns_ = 0;
  }
  /// raw_ns: of the clock kind(). Returns CLOCK_REALTIME.
  [[nodiscard]] std::int64_t to_realtime(std::int64_t raw_ns) {
    if (raw_ns >= refresh_at_ns_) [[unlikely]]
      refresh(raw_ns);
    return raw_ns + offset_ns_;
  }
  /// With the widest bound of any conversion so far.
  [[nodiscard]] std::string description() const;

 private:
  HookClock(netobs_clock kind, HostClocks clocks) : kind_(kind), clocks_(std::move(clocks)) {}
  void refresh(std::int64_t raw_ns);
  [[nodiscard]] bool stepped() const;

  netobs_clock kind_;
  HostClocks clocks_;
  std::int64_t offset_ns_ = 0;
  std::int64_t bracket_ns_ = 0;
  std::int64_t refresh_at_ns_ = 0;
};

}  // namespace netobs::linux_bpf
