#pragma once
// One side of a comparison: what was measured, as a few dozen values of each metric.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/report/run_document.hpp"
#include "core/stats/run_blocks.hpp"

namespace netobs::compare {

/// Metrics of a kind are shown together, corrected together and have thresholds of their own.
enum class Kind : std::uint8_t {
  round_trip,  ///< of a view, nanoseconds
  segment,     ///< nanoseconds
  loss,        ///< share of the probes sent, 0 to 1
  duration,    ///< of something else, a benchmark or a command: nanoseconds
};
[[nodiscard]] std::string_view name(Kind kind);

/// Which part of a distribution the values speak for: the tail varies more.
enum class Statistic : std::uint8_t { p50, p90, p99, whole };
[[nodiscard]] std::string_view name(Statistic statistic);  ///< "p50"; empty for whole

/// More is worse, for every metric.
struct Metric {
  std::string name;   ///< "rtt.app.p50"
  std::string label;  ///< for a person, without the statistic: "application", "qdisc"
  std::string place;  ///< of a segment: "sender", "network" or "reflector"; else empty
  Kind kind = Kind::round_trip;
  Statistic statistic = Statistic::whole;
  /// One per block, in the order of time; nullopt where a block gave none. Finite.
  std::vector<std::optional<double>> values;
};

struct Measurement {
  static constexpr std::size_t most_text_bytes = 64U << 20U;  ///< of a file
  static constexpr std::size_t most_metrics = 4'096;
  static constexpr std::size_t most_values = 1'024;  ///< of a metric

  std::string title;            ///< for a person: "run 7f3a9c0e12ab34cd, io_uring, 10 000 probes"
  std::string context;          ///< where and how, what makes two runs comparable; may be empty
  std::vector<Metric> metrics;  ///< in the order to show them
};

/// A run from its document. An error when it holds no blocks: fewer than 100 probes, or stored by a
/// version that kept none.
[[nodiscard]] Result<Measurement> measurement_of(const report::RunDocument& document);

/// From the text of a JSON file: a run (schema netobs.rtt/1) or Google Benchmark's output, where
/// each repetition is a value. The text may be hostile: sizes are bounded, numbers must be finite.
[[nodiscard]] Result<Measurement> parse_measurement(std::string_view text, std::string_view title);

/// The metrics of a series of blocks, one per quantile. `host`: of a segment, else empty.
[[nodiscard]] std::vector<Metric> metrics_of(const stats::BlockMetric& series,
                                             const std::string& label, Kind kind,
                                             const std::string& host);
/// The share of lost probes per block.
[[nodiscard]] Metric loss_metric(const stats::RunBlocks& blocks);
/// Title and context of a run.
[[nodiscard]] Measurement described(const report::RunInfo& run);

/// Several runs of one side, for their own differences to count: a value per run and metric, the
/// median over its blocks. One run stays as it is. Precondition: not empty.
[[nodiscard]] Measurement pooled(const std::vector<Measurement>& runs);

/// One value per metric: the median over its blocks. For a side that consists of many runs.
[[nodiscard]] Measurement condensed(const Measurement& measurement);

}  // namespace netobs::compare
