#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace netobs::stats {

/// What is counted for each interval.
enum class Count : std::uint8_t {
  sent,
  received,
  lost,
  points_requested,  ///< slots of both hosts, as PointLedger counts them
  points_captured,
  lost_forward,
  lost_backward,
  lost_unknown,
  late,
  duplicate,
  reordered,
  send_failed,
  clock_stepped,
  causal_order,  ///< violations, as ViolationCounters counts them
  identity,
};

inline constexpr std::array<std::string_view, 15> count_names{"sent",
                                                              "received",
                                                              "lost",
                                                              "points_requested",
                                                              "points_captured",
                                                              "lost_forward",
                                                              "lost_backward",
                                                              "lost_unknown",
                                                              "late",
                                                              "duplicate",
                                                              "reordered",
                                                              "send_failed",
                                                              "clock_stepped",
                                                              "causal_order",
                                                              "identity"};
/// The first so many say something also when they are 0.
inline constexpr std::size_t plain_count_names = 5;

/// By Count.
using CountValues = std::array<std::uint64_t, count_names.size()>;

/// What became of the probes of one interval. Summed over a run's intervals: its totals, exactly.
struct IntervalCounts {
  std::int64_t interval_start_ns = 0;
  CountValues values{};
  [[nodiscard]] std::uint64_t at(Count count) const {
    return values[static_cast<std::size_t>(count)];
  }
  friend bool operator==(const IntervalCounts&, const IntervalCounts&) = default;
};

}  // namespace netobs::stats
