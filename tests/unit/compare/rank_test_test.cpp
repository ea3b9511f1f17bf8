// Against published examples, against counting every possibility, and by how often the interval
// holds the truth.

#include "core/compare/rank_test.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace netobs::compare {
namespace {

// Hollander and Wolfe, table 3.1 and 4.1: depression factors, water transfer.
const std::vector<double> first_visit{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
const std::vector<double> second_visit{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
const std::vector<double> at_term{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
const std::vector<double> before{1.15, 0.88, 0.90, 0.74, 1.21};

TEST(Ranks, PublishedPairs) {
  const Shift shift = paired_shift(first_visit, second_visit);
  EXPECT_NEAR(shift.p_value, 0.0390625, 1e-12);
  EXPECT_NEAR(shift.estimate, -0.46, 1e-9);
  ASSERT_TRUE(shift.interval);
  EXPECT_NEAR(shift.interval->low, -0.786, 1e-9);
  EXPECT_NEAR(shift.interval->high, -0.010, 1e-9);
}

TEST(Ranks, PublishedSamples) {
  const Shift shift = independent_shift(before, at_term);
  EXPECT_NEAR(shift.p_value, 0.2544122544, 1e-9);
  EXPECT_NEAR(shift.estimate, 0.305, 1e-9);
  ASSERT_TRUE(shift.interval);
  EXPECT_NEAR(shift.interval->low, -0.15, 1e-9);
  EXPECT_NEAR(shift.interval->high, 0.76, 1e-9);
  EXPECT_NEAR(shift.effect, 2 * 35.0 / 50 - 1, 1e-12);
}

/// Share of all sign patterns whose sum of positive ranks is as far out as this one: by the
/// definition of the test, ties and all.
double counted_p(const std::vector<double>& differences) {
  const auto size = differences.size();
  std::vector<double> ranks(size);
  for (std::size_t i = 0; i < size; ++i) {
    for (const double other : differences) {
      ranks[i] += std::abs(other) < std::abs(differences[i]) ? 1 : 0;
      ranks[i] += std::abs(other) == std::abs(differences[i]) ? 0.5 : 0;
    }
    ranks[i] += 0.5;
  }
  double seen = 0;
  for (std::size_t i = 0; i < size; ++i) seen += differences[i] > 0 ? ranks[i] : 0;
  double below = 0;
  double above = 0;
  const std::uint32_t patterns = 1U << size;
  for (std::uint32_t pattern = 0; pattern < patterns; ++pattern) {
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += (pattern >> i & 1U) != 0 ? ranks[i] : 0;
    below += sum <= seen ? 1 : 0;
    above += sum >= seen ? 1 : 0;
  }
  return std::min(1.0, 2 * std::min(below, above) / patterns);
}

TEST(Ranks, TiedPairsAreExact) {
  const std::vector<double> differences{1, -1, 2, 2, 2, -3, 4, 4, 5, 1};
  const std::vector<double> zeros(differences.size(), 0.0);
  EXPECT_NEAR(paired_shift(zeros, differences).p_value, counted_p(differences), 1e-12);
}

/// The same for two samples: every choice of as many of all values.
double counted_p(const std::vector<double>& base, const std::vector<double>& next) {
  std::vector<double> all = base;
  all.insert(all.end(), next.begin(), next.end());
  const auto wins = [&](std::uint32_t chosen) {
    double sum = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      for (std::size_t j = 0; j < all.size(); ++j) {
        if ((chosen >> i & 1U) == 0 || (chosen >> j & 1U) != 0) continue;
        sum += all[i] > all[j] ? 1 : 0;
        sum += all[i] == all[j] ? 0.5 : 0;
      }
    }
    return sum;
  };
  const std::uint32_t last = (1U << all.size()) - (1U << base.size());
  const double seen = wins(last);
  double below = 0;
  double above = 0;
  double choices = 0;
  for (std::uint32_t chosen = 0; chosen < 1U << all.size(); ++chosen) {
    if (static_cast<std::size_t>(std::popcount(chosen)) != next.size()) continue;
    const double sum = wins(chosen);
    ++choices;
    below += sum <= seen ? 1 : 0;
    above += sum >= seen ? 1 : 0;
  }
  return std::min(1.0, 2 * std::min(below, above) / choices);
}

TEST(Ranks, TiedSamplesAreExact) {
  const std::vector<double> base{1, 2, 2, 3, 5};
  const std::vector<double> next{2, 3, 3, 4, 6, 6};
  EXPECT_NEAR(independent_shift(base, next).p_value, counted_p(base, next), 1e-12);
}

/// Latencies as they are: skewed, and the two sides of a pair share the moment's level.
std::vector<double> skewed(std::size_t count, std::mt19937_64& random, double shift) {
  std::lognormal_distribution<double> latency(2, 0.5);
  std::vector<double> values(count);
  for (auto& each : values) each = latency(random) + shift;
  return values;
}

using RankTest = Shift (*)(std::span<const double>, std::span<const double>);

struct Rates {
  double false_alarms = 0;
  double held = 0;
};

Rates rates(RankTest test, std::size_t count) {
  constexpr int repetitions = 800;
  constexpr double truth = 3;
  std::mt19937_64 random(7);
  Rates result;
  for (int i = 0; i < repetitions; ++i) {
    const auto base = skewed(count, random, 0);
    const auto same = test(base, skewed(count, random, 0));
    const auto moved = test(base, skewed(count, random, truth));
    result.false_alarms += same.p_value < 0.05 ? 1.0 / repetitions : 0;
    const bool holds =
        moved.interval && moved.interval->low <= truth && truth <= moved.interval->high;
    result.held += holds ? 1.0 / repetitions : 0;
  }
  return result;
}

TEST(Ranks, ErrsAsOftenAsItSays) {
  for (const RankTest test : {RankTest{paired_shift}, RankTest{independent_shift}}) {
    for (const std::size_t count : {8U, 30U, 110U}) {
      const Rates found = rates(test, count);
      EXPECT_LT(found.false_alarms, 0.065) << count;
      EXPECT_GT(found.false_alarms, 0.02) << count;
      EXPECT_GT(found.held, 0.935) << count;
    }
  }
}

TEST(Ranks, TooFewSayNothing) {
  const std::vector<double> five{1, 2, 3, 4, 5};
  const std::vector<double> more{11, 12, 13, 14, 15};
  EXPECT_FALSE(paired_shift(five, more).interval);
  EXPECT_TRUE(independent_shift(five, more).interval);
  const std::vector<double> three{1, 2, 3};
  EXPECT_FALSE(independent_shift(three, three).interval);
  EXPECT_EQ(paired_shift({}, {}), Shift{});
  EXPECT_EQ(independent_shift({}, five), Shift{});
}

TEST(Ranks, EqualPairsAreNoChange) {
  const Shift shift = paired_shift(first_visit, first_visit);
  EXPECT_EQ(shift.p_value, 1);
  EXPECT_EQ(shift.estimate, 0);
  EXPECT_EQ(shift.effect, 0);
}

TEST(Ranks, Holm) {
  const std::array<double, 4> p{0.04, 0.01, 0.03, 0.02};
  const auto adjusted = holm(p);
  EXPECT_NEAR(adjusted[1], 0.04, 1e-12);
  EXPECT_NEAR(adjusted[3], 0.06, 1e-12);
  EXPECT_NEAR(adjusted[2], 0.06, 1e-12);
  EXPECT_NEAR(adjusted[0], 0.06, 1e-12);
}

}  // namespace
}  // namespace netobs::compare
