#include "core/compare/measurement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "core/compare/rank_test.hpp"
#include "core/report/format.hpp"
#include "core/stats/metric_list.hpp"
#include "core/stats/path.hpp"

namespace netobs::compare {
namespace {

constexpr std::array<std::string_view, 4> kind_names{"round_trip", "segment", "loss", "duration"};
constexpr std::array<std::string_view, 4> statistic_names{"p50", "p90", "p99", ""};

std::vector<std::optional<double>> values_of(
    const std::vector<std::optional<std::int64_t>>& series) {
  std::vector<std::optional<double>> values;
  for (const auto& each : series) {
    if (values.size() == Measurement::most_values) break;
    values.push_back(each ? std::optional(static_cast<double>(*each)) : std::nullopt);
  }
  return values;
}

}  // namespace

std::string_view name(Kind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

std::string_view name(Statistic statistic) {
  return statistic_names[static_cast<std::size_t>(statistic)];
}

std::vector<Metric> metrics_of(const stats::BlockMetric& series, const std::string& label,
                               Kind kind, const std::string& host) {
  std::vector<Metric> metrics;
  const auto add = [&](Statistic statistic, const auto& values) {
    metrics.push_back({fmt::format("{}.{}", series.key, name(statistic)), label, host, kind,
                       statistic, values_of(values)});
  };
  add(Statistic::p50, series.p50);
  add(Statistic::p90, series.p90);
  add(Statistic::p99, series.p99);
  return metrics;
}

Metric loss_metric(const stats::RunBlocks& blocks) {
  Metric metric{"lost", "lost probes", "", Kind::loss, Statistic::whole, {}};
  for (const std::uint64_t lost : blocks.lost) {
    if (metric.values.size() == Measurement::most_values || blocks.probes == 0) break;
    metric.values.emplace_back(static_cast<double>(lost) / static_cast<double>(blocks.probes));
  }
  return metric;
}

Measurement described(const report::RunInfo& run) {
  Measurement measurement;
  measurement.title = fmt::format("run {}", run.id);
  for (const auto& item : report::how(run)) measurement.title += ", " + item;
  measurement.context = fmt::format("{}, {}, {} bytes, {}, layers {}", report::what_over_what(run),
                                    run.transport, run.size_bytes, run.schedule, run.layers);
  return measurement;
}

Result<Measurement> measurement_of(const report::RunDocument& document) {
  const auto& blocks = document.blocks;
  if (blocks.probes == 0 || blocks.lost.empty()) {
    return fail(
        {.what = fmt::format("compare run {}", document.run.id),
         .cause = "It holds no blocks: fewer than 100 probes, or stored by an older version.",
         .remedy = "Measure again, with 1 000 probes or more."});
  }
  Measurement measurement = described(document.run);
  // In the order of the list, whatever that of the blocks: views, then along the way.
  for (const auto& info : stats::metric_list(stats::build_path(document.path))) {
    const auto found = std::ranges::find(blocks.metrics, info.key, &stats::BlockMetric::key);
    if (found == blocks.metrics.end()) continue;
    const Kind kind = info.kind == "segment" ? Kind::segment : Kind::round_trip;
    std::ranges::move(metrics_of(*found, info.label, kind, std::string(info.host)),
                      std::back_inserter(measurement.metrics));
  }
  measurement.metrics.push_back(loss_metric(blocks));
  return measurement;
}

Measurement pooled(const std::vector<Measurement>& runs) {
  if (runs.size() == 1) return runs.front();
  Measurement all = condensed(runs.front());
  for (std::size_t i = 1; i < runs.size(); ++i) {
    for (const Metric& metric : condensed(runs[i]).metrics) {
      const auto found = std::ranges::find(all.metrics, metric.name, &Metric::name);
      if (found != all.metrics.end()) found->values.push_back(metric.values.front());
    }
  }
  all.title = fmt::format("{} runs, the first: {}", runs.size(), all.title);
  return all;
}

Measurement condensed(const Measurement& measurement) {
  Measurement result{measurement.title, measurement.context, {}};
  for (const Metric& metric : measurement.metrics) {
    std::vector<double> present;
    for (const auto& value : metric.values) {
      if (value) present.push_back(*value);
    }
    Metric single = metric;
    single.values.clear();
    single.values.push_back(present.empty() ? std::nullopt : std::optional(median(present)));
    result.metrics.push_back(std::move(single));
  }
  return result;
}

}  // namespace netobs::compare
