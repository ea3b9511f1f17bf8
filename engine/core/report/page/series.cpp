#include "core/report/page/series.hpp"

#include <algorithm>
#include <utility>

#include "core/stats/wide.hpp"

namespace netobs::report {
namespace {

bool is_lost(Outcome outcome) {
  return outcome != Outcome::answered && outcome != Outcome::send_failed;
}

/// The index in stats::view_table of "rtt.<view>", its size for other metrics.
std::size_t view_of(std::string_view metric) {
  constexpr std::string_view prefix = "rtt.";
  if (!metric.starts_with(prefix)) return stats::view_table.size();
  const auto found =
      std::ranges::find(stats::view_table, metric.substr(prefix.size()), &stats::View::name);
  return static_cast<std::size_t>(found - stats::view_table.begin());
}

}  // namespace

RowSeries::RowSeries(std::uint64_t expected, std::int64_t started_ns) : started_ns_(started_ns) {
  series_.source = Series::Source::rows;
  series_.probes_per_column = std::max<std::uint64_t>(
      1, expected / max_series_columns + (expected % max_series_columns != 0 ? 1 : 0));
}

void RowSeries::add(const ProbeRecord& record) {
  if (record.outcome == Outcome::send_failed) return;
  const bool room = series_.columns.size() + 1 < max_series_columns;
  if (in_column_ >= series_.probes_per_column && room) finish_column();
  if (in_column_++ == 0) {
    latest_ns_ =
        std::max(latest_ns_, stats::saturating_difference(record.intended_ns, started_ns_));
    column_.offset_ns = latest_ns_;
  }
  ++column_.sent;
  column_.lost += is_lost(record.outcome) ? 1U : 0U;
  if (record.clock_stepped || record.outcome != Outcome::answered) return;
  for (std::size_t view = 0; view < values_.size(); ++view) {
    if (const auto ns = stats::rtt_ns(record, stats::view_table[view])) values_[view].add(*ns);
  }
}

void RowSeries::finish_column() {
  if (in_column_ == 0) return;
  for (std::size_t view = 0; view < values_.size(); ++view) {
    column_.rtt[view] = stroke_of(values_[view]);
    values_[view] = {};
  }
  series_.columns.push_back(std::exchange(column_, {}));
  in_column_ = 0;
}

Series RowSeries::take() {
  finish_column();
  return std::move(series_);
}

RollupSeries::RollupSeries(std::int64_t started_ns, std::int64_t duration_ns,
                           std::int64_t interval_ns) {
  const std::int64_t interval = std::max<std::int64_t>(1, interval_ns);
  // The run begins within an interval; the grid begins with that interval.
  const std::int64_t into = ((started_ns % interval) + interval) % interval;
  grid_start_ns_ = stats::saturating_difference(started_ns, into);
  const std::int64_t duration = std::clamp<std::int64_t>(duration_ns, 0, INT64_MAX / 2);
  const std::int64_t intervals = duration / interval + 2;
  const std::int64_t per_column =
      (intervals - 1) / static_cast<std::int64_t>(max_series_columns) + 1;
  series_.source = Series::Source::rollups;
  series_.column_ns = per_column * interval;
  series_.columns.resize(static_cast<std::size_t>((intervals - 1) / per_column + 1));
  for (std::size_t i = 0; i < series_.columns.size(); ++i) {
    series_.columns[i].offset_ns = static_cast<std::int64_t>(i) * series_.column_ns;
  }
}

std::size_t RollupSeries::column_at(std::int64_t interval_start_ns) const {
  const std::int64_t offset = stats::saturating_difference(interval_start_ns, grid_start_ns_);
  if (offset <= 0) return 0;
  const auto column = static_cast<std::uint64_t>(offset / series_.column_ns);
  return std::min<std::uint64_t>(column, series_.columns.size() - 1);
}

void RollupSeries::add(std::string_view metric, std::int64_t interval_start_ns,
                       const stats::Distribution& distribution) {
  const std::size_t view = view_of(metric);
  if (view == stats::view_table.size()) return;
  const std::size_t column = column_at(interval_start_ns);
  if (view != view_ || column != column_) finish_stroke();
  view_ = view;
  column_ = column;
  current_.merge(distribution);
}

void RollupSeries::add_count(std::string_view name, std::int64_t interval_start_ns,
                             std::uint64_t count) {
  using stats::Count;
  SeriesColumn& column = series_.columns[column_at(interval_start_ns)];
  if (name == stats::count_names[static_cast<std::size_t>(Count::sent)]) column.sent += count;
  if (name == stats::count_names[static_cast<std::size_t>(Count::lost)]) column.lost += count;
}

void RollupSeries::finish_stroke() {
  if (view_ == stats::view_table.size()) return;
  series_.columns[column_].rtt[view_] = stroke_of(current_);
  current_ = {};
}

Series RollupSeries::take() {
  finish_stroke();
  std::erase_if(series_.columns, [](const SeriesColumn& column) {
    return column.sent == 0 &&
           std::ranges::none_of(column.rtt, [](const auto& stroke) { return stroke.has_value(); });
  });
  return std::move(series_);
}

}  // namespace netobs::report
