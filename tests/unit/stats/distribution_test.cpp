#include "core/stats/distribution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace netobs::stats {
namespace {

using Values = std::vector<std::int64_t>;

Distribution of(const Values& values) {
  Distribution distribution;
  for (const auto value : values) distribution.add(value);
  return distribution;
}

struct Shape {
  std::string name;
  Values values;
};

/// Samples that break estimators which assume a shape.
std::vector<Shape> hostile_shapes() {
  std::mt19937_64 random(20'240'607);
  std::normal_distribution<double> narrow(10'000, 300);
  std::normal_distribution<double> far(5e7, 1e6);
  std::lognormal_distribution<double> heavy(10, 2.5);
  Shape two_modes{"two modes", {}};
  Shape tail{"heavy tail", {}};
  Shape negative{"negative", {}};
  Shape whole{"all of int64", {INT64_MIN, INT64_MAX, 0}};
  for (int i = 0; i < 20'000; ++i) {
    two_modes.values.push_back(
        static_cast<std::int64_t>(i % 3 == 0 ? far(random) : narrow(random)));
    tail.values.push_back(static_cast<std::int64_t>(heavy(random)));
    negative.values.push_back(-static_cast<std::int64_t>(heavy(random)) + 20'000);
    whole.values.push_back(static_cast<std::int64_t>(random()));
  }
  Shape constant{"constant", Values(12'345, 14'223)};
  Shape outlier{"one outlier", Values(9'999, 100)};
  outlier.values.push_back(4'000'000'000);
  return {two_modes, tail, negative, whole, constant, outlier, {"one value", {-3}}};
}

TEST(Distribution, QuantilesKeepTheDocumentedBound) {
  for (const Shape& shape : hostile_shapes()) {
    SCOPED_TRACE(shape.name);
    Values sorted = shape.values;
    std::ranges::sort(sorted);
    const Distribution distribution = of(shape.values);
    EXPECT_EQ(distribution.min(), sorted.front());
    EXPECT_EQ(distribution.max(), sorted.back());
    for (const QuantileInfo& row : quantile_table) {
      const auto value = distribution.quantile(row.quantile);
      if (!value) continue;
      const auto rank = (sorted.size() * row.quantile.ppm + 999'999) / 1'000'000;
      const std::int64_t exact = sorted[rank - 1];
      EXPECT_LE(std::fabs(static_cast<double>(*value) - static_cast<double>(exact)),
                std::fabs(static_cast<double>(exact)) / 512)
          << row.label << " " << *value << " against " << exact;
    }
  }
}

TEST(Distribution, MomentsAgainstLongDouble) {
  for (const Shape& shape : hostile_shapes()) {
    SCOPED_TRACE(shape.name);
    long double sum = 0;
    for (const auto value : shape.values) sum += static_cast<long double>(value);
    const auto count = static_cast<long double>(shape.values.size());
    const long double mean = sum / count;
    long double squares = 0;
    for (const auto value : shape.values) {
      squares +=
          (static_cast<long double>(value) - mean) * (static_cast<long double>(value) - mean);
    }
    const auto deviation = static_cast<double>(std::sqrt(squares / count));
    const Distribution distribution = of(shape.values);
    EXPECT_NEAR(*distribution.mean(), static_cast<double>(mean),
                1e-12 * std::fabs(static_cast<double>(mean)) + 1e-9);
    EXPECT_NEAR(*distribution.stddev(), deviation, 1e-9 * deviation);
  }
}

TEST(Distribution, SpreadOfANanosecondAroundAHugeValue) {
  const std::int64_t huge = 1'700'000'000'000'000'000;
  const Distribution distribution = of({huge - 1, huge + 1});
  EXPECT_EQ(distribution.stddev(), 1.0);
  EXPECT_EQ(distribution.mean(), 1.7e18);
}

TEST(Distribution, LiteralMoments) {
  const Distribution distribution = of({2, 4, 4, 4, 5, 5, 7, 9});
  EXPECT_EQ(distribution.mean(), 5.0);
  EXPECT_EQ(distribution.stddev(), 2.0);
  EXPECT_EQ(distribution.quantile(p50), 4);
  EXPECT_EQ(distribution.count(), 8U);
}

TEST(Distribution, EmptyHasNothing) {
  const Distribution empty;
  EXPECT_EQ(empty.min(), std::nullopt);
  EXPECT_EQ(empty.mean(), std::nullopt);
  EXPECT_EQ(empty.stddev(), std::nullopt);
  EXPECT_EQ(empty.quantile(p50), std::nullopt);
  EXPECT_EQ(empty.confidence_interval(p50), std::nullopt);
}

TEST(Distribution, QuantilesNeedATail) {
  const auto of_count = [](std::int64_t count) {
    Values values;
    for (std::int64_t i = 1; i <= count; ++i) values.push_back(i);
    return of(values);
  };
  EXPECT_EQ(of_count(1).quantile(p50), 1);
  EXPECT_EQ(of_count(9).quantile(p90), std::nullopt);
  EXPECT_EQ(of_count(10).quantile(p90), 9);
  EXPECT_EQ(of_count(99).quantile(p99), std::nullopt);
  EXPECT_EQ(of_count(100).quantile(p99), 99);
  EXPECT_EQ(of_count(999).quantile(p99_9), std::nullopt);
  EXPECT_EQ(of_count(1000).quantile(p99_9), 999 - 1);  // 998..999 share a bucket, its middle is 998
  EXPECT_EQ(of_count(9'999).quantile(p99_99), std::nullopt);
  EXPECT_NE(of_count(10'000).quantile(p99_99), std::nullopt);
  EXPECT_EQ(of_count(10).quantile({100'000}), 1);
  EXPECT_EQ(of_count(9).quantile({100'000}), std::nullopt);
}

TEST(Distribution, ConfidenceRanksOfTheTables) {
  // Published tables of nonparametric intervals for the median: n = 6: 1..6, n = 10: 2..9,
  // n = 20: 6..15, n = 100: 40..61.
  EXPECT_EQ(confidence_ranks(5, p50), std::nullopt);
  EXPECT_EQ(confidence_ranks(6, p50), (RankInterval{1, 6}));
  EXPECT_EQ(confidence_ranks(10, p50), (RankInterval{2, 9}));
  EXPECT_EQ(confidence_ranks(20, p50), (RankInterval{6, 15}));
  EXPECT_EQ(confidence_ranks(100, p50), (RankInterval{40, 61}));
  EXPECT_EQ(confidence_ranks(100, p99), std::nullopt);  // 0.99^100 = 37 % lie below all values
  EXPECT_EQ(confidence_ranks(0, p50), std::nullopt);
}

TEST(Distribution, ConfidenceRanksFormulasMeet) {
  // sigma is 20 000 at 1.6e9: the sum and the normal approximation must agree there.
  const auto exact = confidence_ranks(1'600'000'000, p50);
  const auto normal = confidence_ranks(1'600'000'004, p50);
  ASSERT_TRUE(exact && normal);
  EXPECT_NEAR(static_cast<double>(exact->low), static_cast<double>(normal->low), 40);
  EXPECT_NEAR(static_cast<double>(exact->high), static_cast<double>(normal->high), 40);
}

TEST(Distribution, ConfidenceIntervalCoversTheTruth) {
  // 400 samples of 200 uniform values on [0, 100 000): at least 95 % of the intervals hold the
  // median.
  std::mt19937_64 random(7);
  int held = 0;
  for (int run = 0; run < 400; ++run) {
    Distribution distribution;
    for (int i = 0; i < 200; ++i) distribution.add(static_cast<std::int64_t>(random() % 100'000));
    const auto interval = distribution.confidence_interval(p50);
    ASSERT_TRUE(interval);
    held += interval->low <= 50'000 && interval->high >= 50'000;
  }
  EXPECT_GE(held, 372);  // 93 %: the seed is fixed, the margin is for another library's generator
}

TEST(Distribution, ConfidenceIntervalCoversTheTruthOfAHeavyTail) {
  // Pareto with exponent 1, which has not even a mean: the quantile q is 1000 / (1 - q).
  struct Truth {
    Quantile quantile;
    std::int64_t value;
  };
  constexpr int runs = 300;
  for (const Truth truth : {Truth{p50, 2'000}, {p90, 10'000}, {p99, 100'000}}) {
    std::mt19937_64 random(11);
    int held = 0;
    for (int run = 0; run < runs; ++run) {
      Distribution distribution;
      for (int i = 0; i < 1'000; ++i) {
        const double uniform = (static_cast<double>(random() >> 11U) + 0.5) * 0x1p-53;
        distribution.add(static_cast<std::int64_t>(1'000 / uniform));
      }
      const auto interval = distribution.confidence_interval(truth.quantile);
      ASSERT_TRUE(interval);
      held += interval->low <= truth.value && interval->high >= truth.value;
    }
    EXPECT_GE(held, runs * 93 / 100) << truth.quantile.ppm;  // 95 %, and a margin as above
  }
}

TEST(Distribution, MergeIsAssociativeAndExact) {
  for (const Shape& shape : hostile_shapes()) {
    SCOPED_TRACE(shape.name);
    std::array<Distribution, 3> part;
    for (std::size_t i = 0; i < shape.values.size(); ++i) part[i * i % 3].add(shape.values[i]);
    Distribution left = part[0];
    left.merge(part[1]);
    left.merge(part[2]);
    Distribution right = part[1];
    right.merge(part[2]);
    Distribution outer = part[0];
    outer.merge(right);
    Values reversed(shape.values.rbegin(), shape.values.rend());
    EXPECT_EQ(left, outer);
    EXPECT_EQ(left, of(reversed));
    EXPECT_EQ(left.serialise(), of(reversed).serialise());
    EXPECT_EQ(left.mean(), of(shape.values).mean());
    EXPECT_EQ(left.stddev(), of(shape.values).stddev());
  }
}

TEST(Distribution, BytesAndBack) {
  for (const Shape& shape : hostile_shapes()) {
    SCOPED_TRACE(shape.name);
    const Distribution distribution = of(shape.values);
    const auto parsed = Distribution::parse(distribution.serialise());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(*parsed, distribution);
  }
  ASSERT_TRUE(Distribution::parse(Distribution{}.serialise()));
}

TEST(Distribution, CutBytesAreRefused) {
  const std::string bytes = of({-1, 5, 300, 70'000, INT64_MAX}).serialise();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Distribution::parse(bytes.substr(0, size))) << size;
  }
  EXPECT_FALSE(Distribution::parse(bytes + '\0'));
}

TEST(Distribution, ChangedBytesNeverBreakTheInvariants) {
  const std::string bytes = of({-1, 5, 300, 70'000, 1'000'000}).serialise();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(value);
      const auto parsed = Distribution::parse(changed);
      if (!parsed) continue;
      EXPECT_EQ(parsed->count(), parsed->histogram().count());
      EXPECT_LE(parsed->min(), parsed->quantile(p50));
      EXPECT_LE(parsed->quantile(p50), parsed->max());
      EXPECT_FALSE(std::isnan(parsed->stddev().value_or(0)));
    }
  }
}

TEST(Distribution, ContradictionsAreRefused) {
  const std::string bytes = of({10, 20, 30}).serialise();
  const auto with = [&](std::size_t at, char value) {
    std::string changed = bytes;
    changed[at] = value;
    return Distribution::parse(changed).has_value();
  };
  ASSERT_EQ(bytes.substr(0, 5),
            std::string("\1\3\x14\x3c\x3c", 5));  // version, count, min, max, sum
  EXPECT_FALSE(with(1, 4));                       // count
  EXPECT_FALSE(with(2, 0x12));                    // min 9
  EXPECT_FALSE(with(3, 0x3e));                    // max 31
  EXPECT_FALSE(with(4, 127));                     // sum beyond count * max
  EXPECT_FALSE(with(21, 0));                      // sum of squares below sum^2 / count
  EXPECT_FALSE(with(0, 2));                       // version
  EXPECT_EQ(Distribution::parse("").error().what, "read a stored distribution");
}

}  // namespace
}  // namespace netobs::stats
