#pragma once
// How well a measurement recovers delays that are known, because somebody put them there.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace netobs::stats {

/// One probe: what was added to its way, by the account of whoever added it, and what was measured.
struct DelaySample {
  std::int64_t injected_ns = 0;
  std::int64_t measured_ns = 0;
};

/// The probes of one nominal delay.
using DelayLevel = std::vector<DelaySample>;

/// measured = intercept + slope * injected.
struct LineFit {
  double slope = 0;
  double slope_low = 0;  ///< 95 % confidence interval
  double slope_high = 0;
  double intercept_ns = 0;  ///< what the measured part takes by itself
  double r2 = 0;            ///< of the levels' medians, weighted as the fit is
};

struct FitOptions {
  /// Levels with a smaller median of injected_ns are left out.
  std::int64_t least_injected_ns = 200'000;
  unsigned resamples = 500;  ///< of the bootstrap behind the interval, at least 40
  std::uint64_t seed = 1;    ///< repeats it
};

/// A straight line through the medians of the levels. The weight of a level is 1 / injected^2: the
/// error of each counts relative to its own delay, so that the longest does not hide the rest. The
/// interval is a percentile bootstrap that draws probes within each level. nullopt with fewer than
/// two levels to fit.
[[nodiscard]] std::optional<LineFit> fit_line(std::span<const DelayLevel> levels,
                                              const FitOptions& options);

struct MedianPair {
  double injected_ns = 0;
  double measured_ns = 0;
};
/// Each median by itself; the level must not be empty.
[[nodiscard]] MedianPair medians(const DelayLevel& level);

}  // namespace netobs::stats
