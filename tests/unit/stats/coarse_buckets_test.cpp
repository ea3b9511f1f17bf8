#include "core/stats/coarse_buckets.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>

namespace netobs::stats {
namespace {

constexpr auto smallest = std::numeric_limits<std::int64_t>::min();
constexpr auto largest = std::numeric_limits<std::int64_t>::max();

std::vector<CoarseBucket> of(std::initializer_list<std::int64_t> values) {
  Histogram histogram;
  for (const auto value : values) histogram.add(value);
  return coarse_buckets(histogram);
}

TEST(CoarseBuckets, FourPerPowerOfTwo) {
  EXPECT_EQ(of({}), std::vector<CoarseBucket>{});
  EXPECT_EQ(of({0, 1, 2, 3, 3, 4, 7, 8, 9, 10, 15}), (std::vector<CoarseBucket>{{0, 1, 1},
                                                                                {1, 2, 1},
                                                                                {2, 3, 1},
                                                                                {3, 4, 2},
                                                                                {4, 5, 1},
                                                                                {7, 8, 1},
                                                                                {8, 10, 2},
                                                                                {10, 12, 1},
                                                                                {14, 16, 1}}));
  // 2^15 = 32 768, in steps of 8 192.
  EXPECT_EQ(of({32'767, 32'768, 40'959, 40'960, 65'535, 65'536}),
            (std::vector<CoarseBucket>{{28'672, 32'768, 1},
                                       {32'768, 40'960, 2},
                                       {40'960, 49'152, 1},
                                       {57'344, 65'536, 1},
                                       {65'536, 81'920, 1}}));
}

TEST(CoarseBuckets, NegativeValuesMirror) {
  EXPECT_EQ(of({-1, -4, -8, -9, -10, -32'768, -40'959, -40'960}),
            (std::vector<CoarseBucket>{{-49'151, -40'959, 1},
                                       {-40'959, -32'767, 2},
                                       {-11, -9, 1},
                                       {-9, -7, 2},
                                       {-4, -3, 1},
                                       {-1, 0, 1}}));
}

TEST(CoarseBuckets, TheEndsOfTheRange) {
  EXPECT_EQ(of({smallest, smallest + 1, largest, largest - 1}),
            (std::vector<CoarseBucket>{{smallest, smallest + 1, 1},
                                       {smallest + 1, -(std::int64_t{7} << 60) + 1, 1},
                                       {std::int64_t{7} << 60, largest, 2}}));
}

TEST(CoarseBuckets, EveryValueIsInItsBucketAndEdgesNeverOverlap) {
  std::mt19937_64 random(7);
  Histogram histogram;
  std::uint64_t count = 0;
  std::vector<CoarseBucket> alone;
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = static_cast<std::int64_t>(random() >> (random() % 64));
    const auto value = i % 2 == 0 ? bits : -bits;
    histogram.add(value);
    ++count;
    const auto bucket = of({value});
    ASSERT_EQ(bucket.size(), 1U);
    ASSERT_LE(bucket.front().low, value);
    ASSERT_TRUE(value < bucket.front().high || bucket.front().high == largest) << value;
    alone.push_back(bucket.front());
  }
  const auto all = coarse_buckets(histogram);
  EXPECT_LE(all.size(), 2 * 248U);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    sum += all[i].count;
    ASSERT_TRUE(i == 0 || all[i - 1].high <= all[i].low) << i;
  }
  EXPECT_EQ(sum, count);
  // The same edges, whatever else the histogram holds.
  for (const auto& bucket : alone) {
    const auto found = std::ranges::find(all, bucket.low, &CoarseBucket::low);
    ASSERT_NE(found, all.end());
    ASSERT_EQ(found->high, bucket.high);
  }
}

}  // namespace
}  // namespace netobs::stats
