#include "core/stats/wide.hpp"

#include <gtest/gtest.h>

namespace netobs::stats {
namespace {

TEST(Wide, SquareOfTheSmallestInt64) {
  const UInt128 size = magnitude(INT64_MIN);
  Wide<3> sum;
  for (int i = 0; i < 4; ++i) sum.add(to_wide(size * size));
  EXPECT_EQ(sum.word, (std::array<std::uint64_t, 3>{0, 0, 1}));  // 4 * 2^126 = 2^128
}

TEST(Wide, MultiplySubtractCompare) {
  const auto product = multiply(Wide<2>{{~0ULL, ~0ULL}}, Wide<2>{{~0ULL, ~0ULL}});
  EXPECT_EQ(product.word, (std::array<std::uint64_t, 4>{1, 0, ~0ULL - 1, ~0ULL}));
  auto less = product;
  less.subtract(Wide<4>{{2, 0, 0, 0}});
  EXPECT_EQ(less.word, (std::array<std::uint64_t, 4>{~0ULL, ~0ULL, ~0ULL - 2, ~0ULL}));
  EXPECT_TRUE(less.less_than(product));
  EXPECT_FALSE(product.less_than(product));
  EXPECT_EQ((Wide<3>{{0, 0, 1}}).to_real(), 0x1p128L);
}

TEST(Wide, DifferencesStayInRange) {
  EXPECT_EQ(saturating_difference(INT64_MAX, -1), INT64_MAX);
  EXPECT_EQ(saturating_difference(INT64_MIN, 1), INT64_MIN);
  EXPECT_EQ(saturating_difference(INT64_MIN, INT64_MIN), 0);
  EXPECT_EQ(saturating_sum(INT64_MAX, 1), INT64_MAX);
  EXPECT_EQ(saturating_sum(INT64_MIN, -1), INT64_MIN);
}

}  // namespace
}  // namespace netobs::stats
