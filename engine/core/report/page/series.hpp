#pragma once
// Builders of the course over time: one pass, in memory that does not grow with the run.

#include <cstdint>
#include <string_view>

#include "core/layer/record.hpp"
#include "core/report/page/page_data.hpp"
#include "core/stats/interval_counts.hpp"

namespace netobs::report {

/// From probes in the order of their sequence: columns of equally many probes. As in every other
/// figure, probes under which the clock stepped count, and their times are left out.
class RowSeries {
 public:
  /// `expected`: how many probes there will be, 0 = not known; more of them go to the last column.
  RowSeries(std::uint64_t expected, std::int64_t started_ns);

  void add(const ProbeRecord& record);
  [[nodiscard]] Series take();

 private:
  void finish_column();

  std::int64_t started_ns_;
  Series series_;
  SeriesColumn column_;
  std::uint64_t in_column_ = 0;
  std::int64_t latest_ns_ = 0;
  std::array<stats::Distribution, stats::view_table.size()> values_;
};

/// From roll-ups, which a store gives metric by metric, each by rising time.
class RollupSeries {
 public:
  RollupSeries(std::int64_t started_ns, std::int64_t duration_ns, std::int64_t interval_ns);

  /// Other metrics than the round trips of views are passed over.
  void add(std::string_view metric, std::int64_t interval_start_ns,
           const stats::Distribution& distribution);
  /// How often `name` (stats::count_names) happened; others than sent and lost are passed over.
  void add_count(std::string_view name, std::int64_t interval_start_ns, std::uint64_t count);
  /// Columns without any probe are left out.
  [[nodiscard]] Series take();

 private:
  [[nodiscard]] std::size_t column_at(std::int64_t interval_start_ns) const;
  void finish_stroke();

  std::int64_t grid_start_ns_;
  Series series_;
  std::size_t view_ = stats::view_table.size();  // of current_; none at first
  std::size_t column_ = 0;                       // of current_
  stats::Distribution current_;
};

}  // namespace netobs::report
