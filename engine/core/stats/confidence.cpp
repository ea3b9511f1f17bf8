#include <cmath>
#include <vector>

#include "core/stats/distribution.hpp"

// How many of n values lie below the true quantile q is binomial(n, q). With L and U such that
// P(B < L) <= 2.5 % and P(B >= U) <= 2.5 %, the order statistics of rank L and U hold the quantile
// with at least 95 % (any book on order statistics; the same as R's quantileCI "exact").

namespace netobs::stats {
namespace {

constexpr double tail = 0.025;
constexpr double normal_975 = 1.959963984540054;
constexpr double exact_up_to_sigma = 20'000;

/// The binomial distribution around its mode, each weight relative to the mode's. What lies outside
/// is below 1e-18 of it and cannot move a rank.
struct Weights {
  std::uint64_t first = 0;
  std::vector<double> weight;
  double sum = 0;
};

Weights binomial_weights(std::uint64_t count, double q) {
  constexpr double negligible = 1e-18;
  const double odds = q / (1 - q);
  const auto n = static_cast<double>(count);
  const auto mode = static_cast<std::uint64_t>(std::min(std::floor((n + 1) * q), n));
  std::vector<double> down;
  double weight = 1;
  for (std::uint64_t k = mode; k > 0 && weight > negligible; --k) {
    weight *= static_cast<double>(k) / (n - static_cast<double>(k) + 1) / odds;
    down.push_back(weight);
  }
  Weights result{mode - down.size(), {down.rbegin(), down.rend()}, 0};
  result.weight.push_back(1);
  weight = 1;
  for (std::uint64_t k = mode; k < count && weight > negligible; ++k) {
    weight *= (n - static_cast<double>(k)) / static_cast<double>(k + 1) * odds;
    result.weight.push_back(weight);
  }
  for (const double each : result.weight) result.sum += each;
  return result;
}

std::optional<RankInterval> exact_ranks(std::uint64_t count, double q) {
  const Weights weights = binomial_weights(count, q);
  const double limit = tail * weights.sum;
  std::size_t low = 0;  // how many of the smallest outcomes fit into the lower tail
  for (double mass = 0; low < weights.weight.size(); ++low) {
    mass += weights.weight[low];
    if (mass > limit) break;
  }
  std::size_t high = weights.weight.size();  // the outcomes from here on fit into the upper tail
  for (double mass = 0; high > 0; --high) {
    mass += weights.weight[high - 1];
    if (mass > limit) break;
  }
  const RankInterval ranks{weights.first + low, weights.first + high};
  if (ranks.low < 1 || ranks.high > count) return std::nullopt;
  return ranks;
}

}  // namespace

std::optional<RankInterval> confidence_ranks(std::uint64_t count, Quantile q) {
  if (count == 0 || q.ppm == 0 || q.ppm >= 1'000'000) return std::nullopt;
  const double share = static_cast<double>(q.ppm) / 1e6;
  const double mean = static_cast<double>(count) * share;
  const double sigma = std::sqrt(mean * (1 - share));
  if (sigma <= exact_up_to_sigma) return exact_ranks(count, share);
  return RankInterval{static_cast<std::uint64_t>(std::floor(mean - normal_975 * sigma)),
                      static_cast<std::uint64_t>(std::ceil(mean + normal_975 * sigma)) + 1};
}

}  // namespace netobs::stats
