#include "core/stats/recovery.hpp"

#include <gtest/gtest.h>

#include <random>

namespace netobs::stats {
namespace {

DelayLevel level_of(std::initializer_list<DelaySample> samples) {
  return samples;
}

TEST(Recovery, PointsOnALineAreFittedExactly) {
  // measured = 3000 + 1.25 * injected
  const std::vector<DelayLevel> levels{level_of({{200'000, 253'000}}),
                                       level_of({{1'000'000, 1'253'000}}),
                                       level_of({{20'000'000, 25'003'000}})};
  const auto fit = fit_line(levels, {});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->slope, 1.25, 1e-12);
  EXPECT_NEAR(fit->intercept_ns, 3000, 1e-3);
  EXPECT_NEAR(fit->r2, 1, 1e-12);
  EXPECT_NEAR(fit->slope_low, 1.25, 1e-12);
  EXPECT_NEAR(fit->slope_high, 1.25, 1e-12);
}

TEST(Recovery, AMedianIgnoresOneDisturbedProbe) {
  const std::vector<DelayLevel> levels{
      level_of({{200'000, 201'000}, {200'000, 201'000}, {200'000, 90'000'000}}),
      level_of({{1'000'000, 1'001'000}, {1'000'000, 1'001'000}, {1'000'000, 1'001'000}})};
  const auto fit = fit_line(levels, {});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->slope, 1, 1e-12);
  EXPECT_NEAR(fit->intercept_ns, 1000, 1e-3);
}

TEST(Recovery, ShortDelaysAreLeftOutAndTwoLevelsAreTheLeast) {
  const DelayLevel none = level_of({{0, 500}});
  const DelayLevel small = level_of({{50'000, 99'999}});
  const DelayLevel one = level_of({{200'000, 200'000}});
  const DelayLevel two = level_of({{1'000'000, 1'000'000}});
  EXPECT_FALSE(fit_line(std::vector{none, small, one, DelayLevel{}}, {}));
  const auto fit = fit_line(std::vector{none, small, one, two}, {});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->slope, 1, 1e-12);
}

TEST(Recovery, EachLevelCountsRelativeToItsDelay) {
  // 10 % too much at 200 us and nothing wrong at 20 ms: a fit by absolute errors would not see it.
  const std::vector<DelayLevel> levels{level_of({{200'000, 220'000}}),
                                       level_of({{400'000, 400'000}}),
                                       level_of({{20'000'000, 20'000'000}})};
  const auto fit = fit_line(levels, {});
  ASSERT_TRUE(fit);
  // By hand, in units of 200 us: x = 1, 2, 100; y = 1.1, 2, 100; w = 1, 1/4, 1/10000.
  EXPECT_NEAR(fit->intercept_ns / 200'000, 0.1014, 0.0005);
}

TEST(Recovery, ProbesThatWereNotDelayedLeaveTheIntervalANumber) {
  // Many a resample of the first level has a median of 0.
  const std::vector<DelayLevel> levels{
      level_of(
          {{0, 1'000}, {0, 1'000}, {200'000, 201'000}, {200'000, 201'000}, {200'000, 201'000}}),
      level_of({{1'000'000, 1'001'000}})};
  const auto fit = fit_line(levels, {});
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->slope, 1, 1e-12);
  EXPECT_NEAR(fit->slope_low, 1, 1e-6);
  EXPECT_NEAR(fit->slope_high, 1, 1e-6);
}

TEST(Recovery, TheIntervalHoldsTheTruthOfANoisySample) {
  int held = 0;
  constexpr int repetitions = 40;
  for (int i = 0; i < repetitions; ++i) {
    std::mt19937_64 random(static_cast<std::uint64_t>(i) + 1);
    std::vector<DelayLevel> levels;
    for (const std::int64_t delay : {200'000, 1'000'000, 5'000'000}) {
      DelayLevel level;
      for (int n = 0; n < 50; ++n) {
        level.push_back({delay, delay + 5'000 + static_cast<std::int64_t>(random() % 8'000)});
      }
      levels.push_back(std::move(level));
    }
    const auto fit = fit_line(levels, {});
    ASSERT_TRUE(fit);
    if (fit->slope_low <= 1 && 1 <= fit->slope_high) ++held;
  }
  // 95 % of 40 are 38; fewer than 33 has a chance of about 1 in 1000.
  EXPECT_GE(held, 33);
}

TEST(Recovery, TheSeedRepeatsTheInterval) {
  std::vector<DelayLevel> levels(2);
  for (std::int64_t i = 0; i < 20; ++i) {
    levels[0].push_back({200'000, 200'000 + i * 100});
    levels[1].push_back({1'000'000, 1'000'000 + (i * 7919) % 3000});
  }
  const auto one = fit_line(levels, {.seed = 7});
  const auto two = fit_line(levels, {.seed = 7});
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->slope_low, two->slope_low);
  EXPECT_EQ(one->slope_high, two->slope_high);
  EXPECT_LT(one->slope_low, one->slope_high);
}

}  // namespace
}  // namespace netobs::stats
