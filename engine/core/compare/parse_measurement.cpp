#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/compare/measurement.hpp"
#include "core/report/clean_text.hpp"

namespace netobs::compare {
namespace {

using Json = nlohmann::json;

constexpr std::string_view run_schema = "netobs.rtt/1";
/// Beyond it a double no longer tells nanoseconds apart, and differences may overflow.
constexpr double most_nanoseconds = 9e15;

Error unreadable(std::string_view title, std::string_view why) {
  return {.what = fmt::format("compare {}", report::clean_text(title)),
          .cause = report::clean_text(why),
          .remedy =
              "Give a file written with --json by netobs rtt, one of Google Benchmark "
              "(--benchmark_out), or the id of a stored run."};
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  constexpr std::size_t longest = 512;
  return report::clean_text(found->get_ref<const std::string&>().substr(0, longest));
}

std::uint64_t count_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::vector<std::optional<std::int64_t>> series_of(const Json& metric, const char* key) {
  std::vector<std::optional<std::int64_t>> series;
  const auto found = metric.find(key);
  if (found == metric.end() || !found->is_array()) return series;
  for (const Json& each : *found) {
    if (series.size() == Measurement::most_values) break;
    const bool usable = each.is_number() && std::abs(each.get<double>()) <= most_nanoseconds;
    series.push_back(usable ? std::optional(each.get<std::int64_t>()) : std::nullopt);
  }
  return series;
}

Measurement description_in(const Json& document) {
  report::RunInfo run;
  if (const auto found = document.find("run"); found != document.end() && found->is_object()) {
    run.id = text_of(*found, "id");
    run.target = text_of(*found, "target");
    run.link = text_of(*found, "link");
    run.transport = text_of(*found, "transport");
    run.schedule = text_of(*found, "schedule");
    run.layers = text_of(*found, "layers");
    run.count = count_of(*found, "count");
    run.duration_ns = static_cast<std::int64_t>(std::min<std::uint64_t>(
        count_of(*found, "duration_ns"), static_cast<std::uint64_t>(most_nanoseconds)));
    run.size_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        count_of(*found, "size_bytes"), std::numeric_limits<std::uint32_t>::max()));
  }
  return described(run);
}

stats::RunBlocks blocks_of(const Json& json) {
  stats::RunBlocks blocks;
  blocks.probes = count_of(json, "probes");
  if (const auto lost = json.find("lost"); lost != json.end() && lost->is_array()) {
    for (const Json& each : *lost) {
      if (blocks.lost.size() == Measurement::most_values) break;
      blocks.lost.push_back(each.is_number_unsigned() ? each.get<std::uint64_t>() : 0);
    }
  }
  return blocks;
}

Result<Measurement> run_from(const Json& document, std::string_view title) {
  const auto found = document.find("blocks");
  if (found == document.end() || !found->is_object()) {
    return fail(unreadable(title, "It holds no blocks: written by an older version."));
  }
  const auto blocks = blocks_of(*found);
  const auto metrics = found->find("metrics");
  if (blocks.probes == 0 || blocks.lost.empty() || metrics == found->end() ||
      !metrics->is_array()) {
    return fail(unreadable(title, "It holds no complete block of probes; 1 000 probes make ten."));
  }
  Measurement measurement = description_in(document);
  for (const Json& each : *metrics) {
    if (!each.is_object() || measurement.metrics.size() + 3 > Measurement::most_metrics) continue;
    const stats::BlockMetric series{text_of(each, "key"), series_of(each, "p50"),
                                    series_of(each, "p90"), series_of(each, "p99")};
    const Kind kind = text_of(each, "kind") == "segment" ? Kind::segment : Kind::round_trip;
    std::ranges::move(metrics_of(series, text_of(each, "label"), kind, text_of(each, "host")),
                      std::back_inserter(measurement.metrics));
  }
  measurement.metrics.push_back(loss_metric(blocks));
  return measurement;
}

std::optional<double> nanoseconds_of(const Json& benchmark) {
  constexpr std::array<std::pair<std::string_view, double>, 4> units{
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  const std::string name = text_of(benchmark, "name");
  // What a benchmark that waits for others is to be judged by: it says so in its name.
  const bool real = name.find("/real_time") != std::string::npos ||
                    name.find("/manual_time") != std::string::npos;
  const auto time = benchmark.find(real ? "real_time" : "cpu_time");
  const std::string unit_name = text_of(benchmark, "time_unit");
  const auto unit =
      std::ranges::find(units, unit_name, [](const auto& each) { return each.first; });
  if (time == benchmark.end() || !time->is_number() || unit == units.end()) return std::nullopt;
  const double ns = time->get<double>() * unit->second;
  return std::isfinite(ns) && std::abs(ns) <= most_nanoseconds ? std::optional(ns) : std::nullopt;
}

Result<Measurement> benchmarks_from(const Json& list, std::string_view title) {
  Measurement measurement;
  measurement.title = report::clean_text(title);
  for (const Json& each : list) {
    if (!each.is_object() || text_of(each, "run_type") == "aggregate") continue;
    std::string name = text_of(each, "run_name");
    if (name.empty()) name = text_of(each, "name");
    auto metric = std::ranges::find(measurement.metrics, name, &Metric::name);
    if (metric == measurement.metrics.end()) {
      if (measurement.metrics.size() == Measurement::most_metrics) continue;
      measurement.metrics.push_back({name, name, "", Kind::duration, Statistic::whole, {}});
      metric = std::prev(measurement.metrics.end());
    }
    const auto ns = nanoseconds_of(each);
    if (ns && metric->values.size() < Measurement::most_values) metric->values.emplace_back(ns);
  }
  if (measurement.metrics.empty()) return fail(unreadable(title, "It holds no benchmark."));
  return measurement;
}

}  // namespace

Result<Measurement> parse_measurement(std::string_view text, std::string_view title) {
  if (text.size() > Measurement::most_text_bytes)
    return fail(unreadable(title, "It is larger than 64 MiB."));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(unreadable(title, "It is not a JSON object."));
  if (text_of(json, "schema") == run_schema) return run_from(json, title);
  const auto benchmarks = json.find("benchmarks");
  if (benchmarks != json.end() && benchmarks->is_array()) {
    return benchmarks_from(*benchmarks, title);
  }
  return fail(unreadable(
      title, fmt::format("It is neither of schema {} nor Google Benchmark's.", run_schema)));
}

}  // namespace netobs::compare
