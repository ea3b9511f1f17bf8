#pragma once
// What a run that goes on shows of itself: figures, no distributions, so that it is cheap to make
// and to hand to another thread.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/time.hpp"
#include "core/stats/interval_counts.hpp"
#include "core/stats/run_statistics.hpp"
#include "core/stats/view.hpp"

namespace netobs::report {

/// Of a distribution that is not empty, nanoseconds.
struct LiveFigures {
  std::optional<std::int64_t> p50;
  std::optional<std::int64_t> p99;  ///< nullopt: too few values for it
  std::int64_t max = 0;
  friend bool operator==(const LiveFigures&, const LiveFigures&) = default;
};
/// By stats::view_table; nullopt: no value.
using LiveViews = std::array<std::optional<LiveFigures>, stats::view_table.size()>;

struct LiveSegment {
  stats::Segment segment;
  std::optional<std::int64_t> p50;
  double share = 0;  ///< mean / mean of the application's round trip
};

/// The last second that is complete. Seconds are those of the sender's CLOCK_REALTIME.
struct LiveSecond {
  std::int64_t start_ns = 0;
  LiveViews views;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
};

struct LiveSnapshot {
  Duration elapsed{};  ///< since the first probe
  stats::ProbeCounters probes;
  LiveViews views;
  std::optional<LiveSecond> last_second;
  stats::ClockRelation clocks;
  std::vector<LiveSegment> segments;  ///< along the way; empty until one is complete
};

/// Watches the intervals of a run go by. One thread, that of the statistics.
class LiveCollector {
 public:
  explicit LiveCollector(const stats::ClockRelation& clocks) : clocks_(clocks) {}

  /// What RunStatistics has finished since the last call; both may be empty.
  void take(std::span<const stats::Rollup> rollups, std::span<const stats::IntervalCounts> counts,
            MonotonicTime now);
  /// The run so far. `began`: when its first probe was sent. A last second that ended long ago,
  /// because no probe came back since, is left out.
  [[nodiscard]] LiveSnapshot snapshot(const stats::RunStatistics& statistics, MonotonicTime began,
                                      MonotonicTime now) const;

 private:
  [[nodiscard]] LiveSecond& second_at(std::int64_t start_ns);

  stats::ClockRelation clocks_;
  std::optional<LiveSecond> last_second_;
  MonotonicTime taken_at_;
};

}  // namespace netobs::report
