#pragma once
// Two samples of a few dozen values each, whose shape is not known: rank tests and the estimates
// that belong to them. Exact where the count allows it.

#include <optional>
#include <span>
#include <vector>

namespace netobs::compare {

struct Range {
  double low = 0;
  double high = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// How `next` lies to `base`, in the unit of the samples.
struct Shift {
  double estimate = 0;            ///< Hodges-Lehmann: next less base
  std::optional<Range> interval;  ///< holds the true shift with at least 95 %; nullopt: too few
  double p_value = 1;             ///< two-sided, of there being no shift
  double effect = 0;              ///< -1 to 1: how often next is larger, less how often smaller
  friend bool operator==(const Shift&, const Shift&) = default;
};

/// Values of the same index belong together: Wilcoxon's signed-rank test, the median of the means
/// of all two differences (Walsh averages) and their order statistics; effect is the matched-pairs
/// rank-biserial correlation. Pairs without a difference are left out of the test, not of the
/// estimate. The interval needs 6 pairs. Precondition: same size, finite values.
[[nodiscard]] Shift paired_shift(std::span<const double> base, std::span<const double> next);

/// Independent samples: the Mann-Whitney test, the median of all differences and their order
/// statistics; effect is Cliff's delta. Precondition: finite values.
[[nodiscard]] Shift independent_shift(std::span<const double> base, std::span<const double> next);

/// Holm's correction: the p-values of a family of tests, adjusted so that calling significant what
/// is below alpha errs anywhere in the family with at most alpha. In the order given.
[[nodiscard]] std::vector<double> holm(std::span<const double> p_values);

[[nodiscard]] double median(std::vector<double> values);  ///< 0 for none

}  // namespace netobs::compare
