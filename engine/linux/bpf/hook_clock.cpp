#include "linux/bpf/hook_clock.hpp"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "linux/bpf/libbpf_log.hpp"

namespace netobs::linux_bpf {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t tai_refresh_ns = second_ns;
constexpr std::int64_t monotonic_refresh_ns = second_ns / 10;

// bpf_ktime_get_tai_ns; the number is ABI, the name is not in older headers.
constexpr auto tai_helper = static_cast<bpf_func_id>(208);

bool kernel_has_tai() {
  const LibbpfLog quiet;
  return libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCKET_FILTER, tai_helper, nullptr) == 1;
}

// Smaller steps drown in the brackets.
constexpr std::int64_t least_step_ns = 10'000;

struct Difference {
  std::int64_t realtime_minus_monotonic_ns;
  std::int64_t bracket_ns;
};

Difference measure_once(const HostClocks& clocks) {
  const auto read = clocks.read();
  const std::int64_t width = read.after.ns - read.before.ns;
  return {read.realtime.ns - (read.before.ns + width / 2), width};
}

// The narrowest of five: an interrupt inside a bracket makes it wide.
Difference measure(const HostClocks& clocks) {
  Difference best{0, std::numeric_limits<std::int64_t>::max()};
  for (int i = 0; i < 5; ++i) {
    const auto each = measure_once(clocks);
    if (each.bracket_ns < best.bracket_ns) best = each;
  }
  return best;
}

}  // namespace

HookClock HookClock::make(bool tai_wanted) {
  const bool tai = tai_wanted && os::read_time_discipline().has_value() && kernel_has_tai();
  return of(tai ? NETOBS_CLOCK_TAI : NETOBS_CLOCK_MONOTONIC, {});
}

HookClock HookClock::of(netobs_clock kind, HostClocks clocks) {
  HookClock clock(kind, std::move(clocks));
  clock.refresh(0);
  clock.refresh_at_ns_ = 0;
  return clock;
}

void HookClock::refresh(std::int64_t raw_ns) {
  if (kind_ == NETOBS_CLOCK_TAI) {
    // A failure now, after it worked at the start, leaves the last offset in force.
    if (const auto discipline = clocks_.discipline()) {
      offset_ns_ = -discipline->tai_offset_s * second_ns;
    }
    refresh_at_ns_ = raw_ns + tai_refresh_ns;
    return;
  }
  const auto difference = measure(clocks_);
  offset_ns_ = difference.realtime_minus_monotonic_ns;
  bracket_ns_ = std::max(bracket_ns_, difference.bracket_ns);
  refresh_at_ns_ = raw_ns + monotonic_refresh_ns;
}

bool HookClock::stepped() const {
  const auto now = measure_once(clocks_);
  const auto tolerance_ns = (now.bracket_ns + bracket_ns_) / 2 + least_step_ns;
  return std::llabs(now.realtime_minus_monotonic_ns - offset_ns_) > tolerance_ns;
}

std::string HookClock::description() const {
  if (kind_ == NETOBS_CLOCK_TAI) {
    return fmt::format("clock TAI, minus {} s", -offset_ns_ / second_ns);
  }
  return fmt::format("clock MONOTONIC, converted within {} ns", (bracket_ns_ + 1) / 2);
}

}  // namespace netobs::linux_bpf
