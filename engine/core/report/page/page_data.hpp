#pragma once
// What the HTML report shows beside the summary: shapes and the course over time, in bounded size
// whatever the length of the run. Pure values; the app layer fills them from a store.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/report/summary.hpp"
#include "core/stats/distribution.hpp"
#include "core/stats/view.hpp"

namespace netobs::report {

/// A point of a percentile curve on a logarithmic axis: one value in `one_in` is larger than `ns`.
/// 1 is the minimum, 2 the median, 100 p99, the count of the sample its maximum.
struct CurvePoint {
  double one_in = 1;
  std::int64_t ns = 0;
};

/// Values of a histogram from low_ns to high_ns, both included.
struct HistogramBar {
  std::int64_t low_ns = 0;
  std::int64_t high_ns = 0;
  std::uint64_t count = 0;
};

/// The distribution of one view's round trip, as a chart needs it.
struct Shape {
  std::vector<CurvePoint> curve;   ///< rising; first the minimum, last the maximum
  std::vector<HistogramBar> bars;  ///< rising, without gaps, at most about a hundred
};

/// Empty for an empty distribution. Agrees with Distribution::quantile at the same rank.
[[nodiscard]] Shape shape_of(const stats::Distribution& distribution);

/// What is kept of many values in one column of a chart over time: never without the extremes.
struct Stroke {
  std::int64_t min_ns = 0;
  std::int64_t median_ns = 0;
  std::int64_t max_ns = 0;
  friend bool operator==(const Stroke&, const Stroke&) = default;
};
[[nodiscard]] std::optional<Stroke> stroke_of(const stats::Distribution& distribution);

struct SeriesColumn {
  std::int64_t offset_ns = 0;  ///< from the start of the run; never falls from column to column
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
  std::array<std::optional<Stroke>, stats::view_table.size()> rtt;  ///< by stats::view_table
  friend bool operator==(const SeriesColumn&, const SeriesColumn&) = default;
};

/// The round trip over time.
struct Series {
  enum class Source : std::uint8_t { rows, rollups };
  Source source = Source::rows;
  std::uint64_t probes_per_column = 1;  ///< of rows
  std::int64_t column_ns = 0;           ///< of roll-ups: how long a column is
  std::vector<SeriesColumn> columns;
};

/// As many columns as a wide screen can tell apart.
inline constexpr std::size_t max_series_columns = 720;

struct PageData {
  Summary summary;
  std::array<Shape, stats::view_table.size()> shapes;  ///< by stats::view_table
  Series series;
};

}  // namespace netobs::report
