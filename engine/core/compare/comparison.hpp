#pragma once
// Is it worse than before? For every metric the change with its interval, a test, and a verdict
// which needs both: that the change is real and that it is large enough to matter.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/compare/measurement.hpp"
#include "core/compare/rank_test.hpp"

namespace netobs::compare {

enum class Verdict : std::uint8_t { same, better, worse, not_enough_data };
[[nodiscard]] std::string_view name(Verdict verdict);  ///< "not_enough_data"

enum class Design : std::uint8_t {
  independent,  ///< two runs, one after the other
  paired,       ///< blocks that took turns: the same index is the same time
};
[[nodiscard]] std::string_view name(Design design);

/// A change matters when it passes both.
struct Thresholds {
  double share = 0;     ///< of the base: 0.05 = 5 %
  double absolute = 0;  ///< nanoseconds; of a loss metric the share of probes
};

/// How sure, and how much is too much. Defaults: bench/README.md, "The gate".
struct Settings {
  Design design = Design::independent;
  double alpha = 0.05;  ///< of all tests of one kind together (Holm)
  Thresholds p50{.share = 0.05, .absolute = 250};
  Thresholds p90{.share = 0.10, .absolute = 500};
  Thresholds p99{.share = 0.25, .absolute = 1'000};
  Thresholds loss{.share = 0, .absolute = 0.005};
  Thresholds duration{.share = 0.05, .absolute = 0};

  /// Thresholds of the median; those of the tail follow in the proportion of the defaults.
  void set_share(double share);
  void set_absolute(double nanoseconds);

  [[nodiscard]] const Thresholds& of(Kind kind, Statistic statistic) const;
};

struct MetricResult {
  std::string name;
  std::string label;
  std::string place;
  Kind kind = Kind::round_trip;
  Statistic statistic = Statistic::whole;
  std::size_t base_blocks = 0;
  std::size_t new_blocks = 0;
  double base = 0;        ///< median of the blocks
  double next = 0;        ///< median of the blocks
  Shift shift;            ///< in the metric's unit
  double p_adjusted = 1;  ///< for the number of tests of its kind
  double threshold = 0;   ///< the change that matters: the larger of the two thresholds
  Verdict verdict = Verdict::not_enough_data;

  /// Per cent of the base; nullopt where the base is not above 0.
  [[nodiscard]] std::optional<double> change_pct() const;
  [[nodiscard]] std::optional<Range> interval_pct() const;
};

struct Comparison {
  Settings settings;
  std::string base_title;
  std::string new_title;
  std::vector<MetricResult> metrics;  ///< of both sides, in the order of the base
  /// worse if any metric is; else not_enough_data if the first one is; else better if any is; else
  /// same.
  Verdict verdict = Verdict::not_enough_data;
  std::vector<std::string> notes;

  /// The metric to name first: of those that are worse (or, when none is, better), the one with
  /// the least rank in kind and statistic. nullptr when nothing changed.
  [[nodiscard]] const MetricResult* headline() const;
  /// The segment whose change explains most of it: by the change of its median, else of its tail,
  /// in the direction of the verdict. nullptr when none has that verdict.
  [[nodiscard]] const MetricResult* culprit() const;
};

/// Precondition for the paired design: values of the same index were taken together.
[[nodiscard]] Comparison compare(const Measurement& base, const Measurement& next,
                                 const Settings& settings);

/// Sets the overall verdict from the metrics': after a caller has changed some.
void conclude(Comparison& comparison);

/// "Worse: the application's round trip rose by 1.48 us at p50 (10.4 %, 9.8 to 11.0 %). ..."
[[nodiscard]] std::string sentence(const Comparison& comparison);

}  // namespace netobs::compare
