#pragma once
// Strong time types. An instant knows its clock and never converts by itself: only the clock map
// (core/clock) converts between clocks, and it says how well it knows the answer.

#include <chrono>
#include <compare>
#include <cstdint>

namespace netobs {

using Duration = std::chrono::nanoseconds;

struct Monotonic {};  ///< CLOCK_MONOTONIC: scheduling
struct Realtime {};   ///< CLOCK_REALTIME: what SO_TIMESTAMPING's software timestamps use
struct Tai {};        ///< CLOCK_TAI: what bpf_ktime_get_tai_ns gives
struct Phc {};        ///< a NIC's PTP hardware clock

/// A point on one clock, in nanoseconds since that clock's epoch. Range: the whole of int64.
template <class Clock>
struct Instant {
  std::int64_t ns = 0;

  friend constexpr auto operator<=>(const Instant&, const Instant&) = default;
  friend constexpr Duration operator-(Instant a, Instant b) { return Duration(a.ns - b.ns); }
  friend constexpr Instant operator+(Instant a, Duration d) { return {a.ns + d.count()}; }
  friend constexpr Instant operator-(Instant a, Duration d) { return {a.ns - d.count()}; }
};

using MonotonicTime = Instant<Monotonic>;
using RealTime = Instant<Realtime>;

}  // namespace netobs
