#include "core/compare/rank_test.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <utility>

// The distributions are those of any book on rank tests (Hollander, Wolfe, Chicken: Nonparametric
// Statistical Methods, chapters 3 and 4). Ranks are doubled throughout, so that the mean ranks of
// ties are whole numbers and the tests stay exact, given the ties.

namespace netobs::compare {
namespace {

constexpr double tail = 0.025;
constexpr double normal_975 = 1.959963984540054;
constexpr std::size_t exact_pairs = 100;
constexpr std::size_t exact_values = 40;  // of both samples

std::vector<std::size_t> counted_from(std::size_t first, std::size_t count) {
  std::vector<std::size_t> numbers;
  numbers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(first + i);
  return numbers;
}

/// Twice the rank of each value, ties sharing their mean.
std::vector<std::size_t> doubled_ranks(const std::vector<double>& values) {
  auto order = counted_from(0, values.size());
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<std::size_t> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (std::size_t i = first; i < end; ++i) ranks[order[i]] = first + 1 + end;
    first = end;
  }
  return ranks;
}

/// Probabilities by (doubled) sum of ranks.
using Masses = std::vector<double>;

/// Of the sum over a random subset: each rank is in it with probability one half.
Masses signed_rank_masses(const std::vector<std::size_t>& ranks) {
  Masses masses(std::accumulate(ranks.begin(), ranks.end(), std::size_t{1}), 0.0);
  masses[0] = 1;
  std::size_t reached = 0;
  for (const std::size_t rank : ranks) {
    for (std::size_t sum = reached + 1; sum-- > 0;) {
      const double half = masses[sum] / 2;
      masses[sum] = half;
      masses[sum + rank] += half;
    }
    reached += rank;
  }
  return masses;
}

/// Of the sum over a random subset of `size` ranks, all such subsets being equally likely.
Masses rank_sum_masses(const std::vector<std::size_t>& ranks, std::size_t size) {
  const std::size_t total = std::accumulate(ranks.begin(), ranks.end(), std::size_t{1});
  // counts[k][sum]: subsets of k ranks, as doubles; 40 choose 20 is far below 2^53.
  std::vector<Masses> counts(size + 1, Masses(total, 0.0));
  counts[0][0] = 1;
  for (const std::size_t rank : ranks) {
    for (std::size_t k = size; k > 0; --k) {
      for (std::size_t sum = total; sum-- > rank;) counts[k][sum] += counts[k - 1][sum - rank];
    }
  }
  Masses& masses = counts[size];
  const double all = std::accumulate(masses.begin(), masses.end(), 0.0);
  for (double& each : masses) each /= all;
  return std::move(masses);
}

double two_sided(const Masses& masses, std::size_t sum) {
  const auto at = masses.begin() + static_cast<std::ptrdiff_t>(sum);
  const double below = std::accumulate(masses.begin(), at + 1, 0.0);
  const double above = std::accumulate(at, masses.end(), 0.0);
  return std::min(1.0, 2 * std::min(below, above));
}

/// With the correction for continuity.
double two_sided_normal(double distance_from_mean, double half_step, double variance) {
  if (variance <= 0) return 1;
  const double z = std::max(0.0, std::abs(distance_from_mean) - half_step) / std::sqrt(variance);
  return std::erfc(z / std::numbers::sqrt2);
}

/// How many of the smallest (and of the largest) of the sorted differences lie outside of the
/// interval: as many as the statistic without ties has outcomes in its lower tail.
std::size_t outside(const Masses& masses) {
  std::size_t outcomes = 0;
  double mass = 0;
  for (const double each : masses) {
    mass += each;
    if (mass > tail) break;
    ++outcomes;
  }
  return outcomes;
}

std::size_t outside_normal(double mean, double variance) {
  const double rank = std::floor(mean - normal_975 * std::sqrt(variance));
  return rank < 0 ? 0 : static_cast<std::size_t>(rank);
}

/// From the sorted differences: their median and, with `cut` of them outside of either end, the
/// interval.
Shift from_differences(std::vector<double> differences, std::size_t cut) {
  Shift shift;
  std::ranges::sort(differences);
  if (cut > 0 && 2 * cut <= differences.size()) {
    shift.interval = Range{differences[cut - 1], differences[differences.size() - cut]};
  }
  shift.estimate = median(std::move(differences));
  return shift;
}

/// The sum of u^3 - u over groups of u equal values.
double tie_sum(std::vector<std::size_t> ranks) {
  std::ranges::sort(ranks);
  double sum = 0;
  for (auto first = ranks.begin(); first != ranks.end();) {
    const auto end = std::upper_bound(first, ranks.end(), *first);
    const auto size = static_cast<double>(end - first);
    sum += size * size * size - size;
    first = end;
  }
  return sum;
}

std::size_t pairs_outside(std::size_t count) {
  if (count <= exact_pairs) return outside(signed_rank_masses(counted_from(1, count)));
  const auto n = static_cast<double>(count);
  return outside_normal(n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24);
}

void test_signed_ranks(Shift& shift, const std::vector<double>& differences) {
  std::vector<double> sizes;
  std::vector<bool> positive;
  for (const double each : differences) {
    if (each == 0) continue;
    sizes.push_back(std::abs(each));
    positive.push_back(each > 0);
  }
  if (sizes.empty()) return;
  const auto ranks = doubled_ranks(sizes);
  std::size_t up = 0;
  std::size_t all = 0;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    all += ranks[i];
    if (positive[i]) up += ranks[i];
  }
  shift.effect = 2 * static_cast<double>(up) / static_cast<double>(all) - 1;
  if (ranks.size() <= exact_pairs) {
    shift.p_value = two_sided(signed_rank_masses(ranks), up);
    return;
  }
  const auto n = static_cast<double>(ranks.size());
  const double variance = n * (n + 1) * (2 * n + 1) / 24 - tie_sum(ranks) / 48;
  shift.p_value = two_sided_normal(static_cast<double>(up) / 2 - n * (n + 1) / 4, 0.5, variance);
}

std::size_t values_outside(std::size_t base, std::size_t next) {
  if (base + next <= exact_values) {
    Masses masses = rank_sum_masses(counted_from(1, base + next), next);
    masses.erase(masses.begin(),
                 masses.begin() + static_cast<std::ptrdiff_t>(next * (next + 1) / 2));
    return outside(masses);
  }
  const auto m = static_cast<double>(base);
  const auto n = static_cast<double>(next);
  return outside_normal(m * n / 2, m * n * (m + n + 1) / 12);
}

void test_rank_sum(Shift& shift, std::span<const double> base, std::span<const double> next) {
  std::vector<double> all(base.begin(), base.end());
  all.insert(all.end(), next.begin(), next.end());
  const auto ranks = doubled_ranks(all);
  const std::size_t sum = std::accumulate(ranks.begin() + static_cast<std::ptrdiff_t>(base.size()),
                                          ranks.end(), std::size_t{0});
  const auto m = static_cast<double>(base.size());
  const auto n = static_cast<double>(next.size());
  const double larger = static_cast<double>(sum) / 2 - n * (n + 1) / 2;
  shift.effect = 2 * larger / (m * n) - 1;
  if (all.size() <= exact_values) {
    shift.p_value = two_sided(rank_sum_masses(ranks, next.size()), sum);
    return;
  }
  const double both = m + n;
  const double variance = m * n / 12 * (both + 1 - tie_sum(ranks) / (both * (both - 1)));
  shift.p_value = two_sided_normal(larger - m * n / 2, 0.5, variance);
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return std::midpoint(*middle, *std::max_element(values.begin(), middle));
}

Shift paired_shift(std::span<const double> base, std::span<const double> next) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < std::min(base.size(), next.size()); ++i) {
    differences.push_back(next[i] - base[i]);
  }
  if (differences.empty()) return {};
  std::vector<double> averages;
  averages.reserve(differences.size() * (differences.size() + 1) / 2);
  for (std::size_t i = 0; i < differences.size(); ++i) {
    for (std::size_t j = i; j < differences.size(); ++j) {
      averages.push_back(std::midpoint(differences[i], differences[j]));
    }
  }
  Shift shift = from_differences(std::move(averages), pairs_outside(differences.size()));
  test_signed_ranks(shift, differences);
  return shift;
}

Shift independent_shift(std::span<const double> base, std::span<const double> next) {
  if (base.empty() || next.empty()) return {};
  std::vector<double> differences;
  differences.reserve(base.size() * next.size());
  for (const double from : base) {
    for (const double to : next) differences.push_back(to - from);
  }
  Shift shift = from_differences(std::move(differences), values_outside(base.size(), next.size()));
  test_rank_sum(shift, base, next);
  return shift;
}

std::vector<double> holm(std::span<const double> p_values) {
  auto order = counted_from(0, p_values.size());
  std::ranges::sort(order, {}, [&](std::size_t i) { return p_values[i]; });
  std::vector<double> adjusted(p_values.size());
  double least = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double scaled = p_values[order[i]] * static_cast<double>(order.size() - i);
    least = std::max(least, std::min(1.0, scaled));
    adjusted[order[i]] = least;
  }
  return adjusted;
}

}  // namespace netobs::compare
