#include "core/report/live_snapshot.hpp"

#include <fmt/format.h>

namespace netobs::report {
namespace {

constexpr Duration stale_after = std::chrono::seconds(3);

std::optional<LiveFigures> figures_of_live(const stats::Distribution& distribution) {
  if (distribution.empty()) return std::nullopt;
  return LiveFigures{distribution.quantile(stats::p50), distribution.quantile(stats::p99),
                     *distribution.max()};
}

std::string view_key(std::size_t view) {
  return fmt::format("rtt.{}", stats::view_table[view].name);
}

std::vector<LiveSegment> segments_of(const stats::RunStatistics& statistics,
                                     std::optional<double> round_trip_ns) {
  std::vector<LiveSegment> segments;
  bool any = false;
  for (const auto& segment : statistics.path().segments) {
    const auto total = statistics.total(segment.key());
    LiveSegment row{segment, total.quantile(stats::p50), 0};
    if (!total.empty() && round_trip_ns && *round_trip_ns > 0) {
      row.share = *total.mean() / *round_trip_ns;
    }
    any = any || !total.empty();
    segments.push_back(std::move(row));
  }
  if (!any) segments.clear();
  return segments;
}

}  // namespace

LiveSecond& LiveCollector::second_at(std::int64_t start_ns) {
  if (!last_second_ || last_second_->start_ns != start_ns) {
    last_second_.emplace();
    last_second_->start_ns = start_ns;
  }
  return *last_second_;
}

void LiveCollector::take(std::span<const stats::Rollup> rollups,
                         std::span<const stats::IntervalCounts> counts, MonotonicTime now) {
  if (!rollups.empty() || !counts.empty()) taken_at_ = now;
  // Oldest first: what stays is the last.
  for (const auto& rollup : rollups) {
    auto& second = second_at(rollup.interval_start_ns);
    for (std::size_t v = 0; v < stats::view_table.size(); ++v) {
      if (rollup.metric == view_key(v)) second.views[v] = figures_of_live(rollup.distribution);
    }
  }
  for (const auto& count : counts) {
    if (last_second_ && count.interval_start_ns < last_second_->start_ns) continue;
    auto& second = second_at(count.interval_start_ns);
    second.sent = count.at(stats::Count::sent);
    second.lost = count.at(stats::Count::lost);
  }
}

LiveSnapshot LiveCollector::snapshot(const stats::RunStatistics& statistics, MonotonicTime began,
                                     MonotonicTime now) const {
  LiveSnapshot snapshot;
  snapshot.elapsed = now - began;
  snapshot.probes = statistics.probes();
  snapshot.clocks = clocks_;
  std::optional<double> round_trip_ns;
  for (std::size_t v = 0; v < stats::view_table.size(); ++v) {
    const auto total = statistics.total(view_key(v));
    snapshot.views[v] = figures_of_live(total);
    if (v == 0) round_trip_ns = total.mean();
  }
  snapshot.segments = segments_of(statistics, round_trip_ns);
  if (last_second_ && now - taken_at_ < stale_after) snapshot.last_second = last_second_;
  return snapshot;
}

}  // namespace netobs::report
