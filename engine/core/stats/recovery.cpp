#include "core/stats/recovery.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "core/base/check.hpp"

namespace netobs::stats {
namespace {

double median(std::vector<std::int64_t>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  const auto upper = static_cast<double>(*middle);
  if (values.size() % 2 != 0) return upper;
  return (upper + static_cast<double>(*std::max_element(values.begin(), middle))) / 2;
}

/// Weighted least squares; exact for points on a line.
LineFit line_through(std::span<const MedianPair> points) {
  double weights = 0;
  double mean_x = 0;
  double mean_y = 0;
  const auto weight = [](const MedianPair& p) {
    // A resample may draw a median of nothing where the level's own is not.
    const double injected_ns = std::max(p.injected_ns, 1.0);
    return 1 / (injected_ns * injected_ns);
  };
  for (const auto& p : points) {
    weights += weight(p);
    mean_x += weight(p) * p.injected_ns;
    mean_y += weight(p) * p.measured_ns;
  }
  mean_x /= weights;
  mean_y /= weights;
  double xx = 0;
  double xy = 0;
  double yy = 0;
  for (const auto& p : points) {
    const double dx = p.injected_ns - mean_x;
    const double dy = p.measured_ns - mean_y;
    xx += weight(p) * dx * dx;
    xy += weight(p) * dx * dy;
    yy += weight(p) * dy * dy;
  }
  LineFit fit;
  fit.slope = xx > 0 ? xy / xx : 0;
  fit.intercept_ns = mean_y - fit.slope * mean_x;
  fit.r2 = xx > 0 && yy > 0 ? xy * xy / (xx * yy) : 0;
  return fit;
}

DelayLevel drawn_from(const DelayLevel& level, std::mt19937_64& random) {
  DelayLevel drawn(level.size());
  for (auto& sample : drawn) sample = level[random() % level.size()];
  return drawn;
}

}  // namespace

MedianPair medians(const DelayLevel& level) {
  NETOBS_CHECK(!level.empty(), "a level without probes");
  std::vector<std::int64_t> injected;
  std::vector<std::int64_t> measured;
  for (const auto& sample : level) {
    injected.push_back(sample.injected_ns);
    measured.push_back(sample.measured_ns);
  }
  return {median(injected), median(measured)};
}

std::optional<LineFit> fit_line(std::span<const DelayLevel> levels, const FitOptions& options) {
  NETOBS_CHECK(options.resamples >= 40, "{} resamples", options.resamples);
  std::vector<const DelayLevel*> used;
  std::vector<MedianPair> points;
  for (const auto& level : levels) {
    if (level.empty()) continue;
    const auto pair = medians(level);
    if (pair.injected_ns < static_cast<double>(options.least_injected_ns)) continue;
    if (pair.injected_ns <= 0) continue;
    used.push_back(&level);
    points.push_back(pair);
  }
  if (points.size() < 2) return std::nullopt;
  LineFit fit = line_through(points);
  std::mt19937_64 random(options.seed);
  std::vector<double> slopes;
  for (unsigned i = 0; i < options.resamples; ++i) {
    std::vector<MedianPair> again;
    again.reserve(used.size());
    for (const auto* level : used) again.push_back(medians(drawn_from(*level, random)));
    slopes.push_back(line_through(again).slope);
  }
  std::ranges::sort(slopes);
  constexpr double tail = 0.025;
  const auto cut = static_cast<std::size_t>(tail * static_cast<double>(slopes.size()));
  fit.slope_low = slopes[cut];
  fit.slope_high = slopes[slopes.size() - 1 - cut];
  return fit;
}

}  // namespace netobs::stats
