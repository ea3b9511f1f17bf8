#include "core/clock/step_detector.hpp"

#include <gtest/gtest.h>

namespace netobs {
namespace {

constexpr std::int64_t ms = 1'000'000;

std::optional<ClockStep> feed(StepDetector& detector, std::int64_t mono, std::int64_t offset,
                              std::int64_t width = 100) {
  return detector.feed({mono}, {mono + width / 2 + offset}, {mono + width});
}

TEST(StepDetector, QuietClockIsGood) {
  StepDetector detector;
  EXPECT_FALSE(detector.good_until().has_value());
  for (int i = 1; i <= 100; ++i) EXPECT_FALSE(feed(detector, i * ms, 5'000'000'000).has_value());
  EXPECT_EQ(detector.good_until()->ns, 100 * ms + 100);
}

TEST(StepDetector, FindsAStepForwardAndSaysWhere) {
  StepDetector detector;
  EXPECT_FALSE(feed(detector, 1 * ms, 0).has_value());
  const auto step = feed(detector, 2 * ms, 50'000);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->size.count(), 50'000);
  EXPECT_EQ(step->last_good.ns, 1 * ms + 100);
  EXPECT_EQ(step->detected.ns, 2 * ms + 100);
  EXPECT_FALSE(feed(detector, 3 * ms, 50'000).has_value()) << "a step is reported once";
}

TEST(StepDetector, FindsAStepBackward) {
  StepDetector detector;
  EXPECT_FALSE(feed(detector, 1 * ms, 0).has_value());
  const auto step = feed(detector, 2 * ms, -3'600'000'000'000);
  ASSERT_TRUE(step.has_value());
  EXPECT_EQ(step->size.count(), -3'600'000'000'000);
}

TEST(StepDetector, SlewingAt500PpmIsNoStep) {
  StepDetector detector;
  for (int i = 1; i <= 1000; ++i) {
    EXPECT_FALSE(feed(detector, i * 100 * ms, i * 50'000).has_value()) << i;  // 500 ppm of 100 ms
  }
}

TEST(StepDetector, PreemptedBracketIsNotJudged) {
  StepDetector detector;
  EXPECT_FALSE(feed(detector, 1 * ms, 0).has_value());
  EXPECT_FALSE(feed(detector, 2 * ms, 900'000, 2'000'000).has_value());
  EXPECT_EQ(detector.good_until()->ns, 1 * ms + 100) << "the interval stays open until judged";
  EXPECT_FALSE(feed(detector, 5 * ms, 0).has_value());
}

}  // namespace
}  // namespace netobs
