#include "core/clock/nic_clock.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace netobs {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1'700'000'000 * second;

/// A NIC whose clock was behind by `offset` at `start` and falls back by `ppb` since.
struct Nic {
  std::int64_t offset = 0;
  std::int64_t ppb = 0;  ///< of real time
  [[nodiscard]] std::int64_t at(std::int64_t realtime) const {
    const auto passed = realtime - start;
    return realtime - offset - static_cast<std::int64_t>(__int128{passed} * ppb / second);
  }
  /// The look that is off by `error`, which its half width covers.
  [[nodiscard]] CrossTimestamp look(std::int64_t realtime, std::int64_t half,
                                    std::int64_t error = 0) const {
    return {at(realtime), realtime + error, half};
  }
};

void expect_within(const NicClock& clock, const Nic& nic, std::int64_t realtime,
                   std::int64_t widest) {
  const auto offset = clock.offset_at(realtime);
  ASSERT_TRUE(offset);
  const auto error = nic.at(realtime) + offset->ns - realtime;
  EXPECT_LE(std::llabs(error), offset->bound_ns) << "at " << realtime - start;
  EXPECT_LE(offset->bound_ns, widest) << "at " << realtime - start;
}

TEST(NicClock, KnowsNothingBeforeTheFirstLook) {
  const NicClock clock;
  EXPECT_FALSE(clock.offset_at(1));
  EXPECT_FALSE(clock.state());
}

TEST(NicClock, OneLookGivesAnOffsetWhoseBoundGrowsByTheUnknownRate) {
  const Nic nic{37 * second, 0};
  NicClock clock;
  EXPECT_FALSE(clock.feed(nic.look(start, 200)));
  const auto here = clock.offset_at(start);
  ASSERT_TRUE(here);
  EXPECT_EQ(*here, (NicOffset{37 * second, 200, 0}));
  // 501 ppm of 10 ms: the unknown rate and the wander.
  const auto later = clock.offset_at(start + 10'000'000);
  ASSERT_TRUE(later);
  EXPECT_EQ(later->bound_ns, 200 + 5'010);
}

TEST(NicClock, FollowsADriftBetweenAndAfterLooks) {
  const Nic nic{-5 * second, 40'000};  // 40 ppm
  NicClock clock;
  for (int i = 0; i <= 20; ++i) {
    // Errors that alternate within the width, so that neighbouring looks tell a wrong rate.
    EXPECT_FALSE(clock.feed(nic.look(start + i * second / 10, 300, i % 2 == 0 ? 250 : -250)));
  }
  for (int i = 0; i < 200; ++i) expect_within(clock, nic, start + i * second / 100, 400);
  // After the last: 300, and 0.6 ppm (600 ns over a second) with the wander of 1 ppm over 100 ms.
  for (int i = 0; i <= 10; ++i)
    expect_within(clock, nic, start + 2 * second + i * second / 100, 500);
  // Before the first one, too: timestamps of the warm-up.
  expect_within(clock, nic, start - second / 10, 500);
  const auto state = clock.state();
  ASSERT_TRUE(state);
  EXPECT_NEAR(state->drift_ppb, 40'000, state->drift_bound_ppb);
  EXPECT_NEAR(state->drift_bound_ppb, 300, 1);  // 600 ns over 2 s
  EXPECT_EQ(state->looks, 21U);
  EXPECT_EQ(state->steps, 0U);
}

TEST(NicClock, ConvertsNothingAcrossAStep) {
  const Nic before{0, 0};
  const Nic after{-2'000'000, 0};  // set forward by 2 ms
  NicClock clock;
  EXPECT_FALSE(clock.feed(before.look(start, 100)));
  EXPECT_FALSE(clock.feed(before.look(start + second / 10, 100)));
  const auto step = clock.feed(after.look(start + second / 5, 100));
  ASSERT_TRUE(step);
  EXPECT_EQ(*step, -2'000'000);
  EXPECT_FALSE(clock.feed(after.look(start + second * 3 / 10, 100)));

  expect_within(clock, before, start + second / 20, 300);
  const auto unsure = start + second * 3 / 20;
  EXPECT_FALSE(clock.offset_at(unsure));
  expect_within(clock, after, start + second / 4, 300);
  EXPECT_EQ(clock.offset_at(start)->epoch, 0U);
  EXPECT_EQ(clock.offset_at(start + second / 4)->epoch, 1U);
  EXPECT_EQ(clock.state()->steps, 1U);
  EXPECT_EQ(clock.state()->offset.ns, -2'000'000);
}

TEST(NicClock, AServoThatHasJustStartedIsNoStep) {
  NicClock clock;
  Nic nic{0, 0};
  EXPECT_FALSE(clock.feed(nic.look(start, 100)));
  // 900 ppm from here on: 90 us within 100 ms.
  EXPECT_FALSE(clock.feed({start + second / 10 + 90'000, start + second / 10, 100}));
}

TEST(NicClock, AClockThatGoesBackIsAStep) {
  const Nic nic{0, 0};
  NicClock clock;
  EXPECT_FALSE(clock.feed(nic.look(start, 100)));
  EXPECT_TRUE(clock.feed({start - 5, start + second, 100}));
}

TEST(NicClock, RefusesTimesFarFromAnyLook) {
  const Nic nic{0, 0};
  NicClock clock;
  EXPECT_FALSE(clock.feed(nic.look(start, 100)));
  EXPECT_FALSE(clock.offset_at(start + 2 * 3600 * second));
  EXPECT_FALSE(clock.offset_at(INT64_MIN));
  EXPECT_FALSE(clock.offset_at(INT64_MAX));
}

TEST(NicClock, SurvivesLooksThatHoldAnything) {
  NicClock clock;
  for (const std::int64_t nic : {INT64_MIN, std::int64_t{0}, INT64_MAX}) {
    for (const std::int64_t host : {INT64_MAX, std::int64_t{0}, INT64_MIN}) {
      (void)clock.feed({nic, host, INT64_MAX});
      (void)clock.feed({nic, host, 0});
      (void)clock.offset_at(host);
      (void)clock.state();
    }
  }
}

TEST(NicClock, KeepsTheLatestLooksOnly) {
  const Nic nic{123, 10'000};
  NicClock clock;
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_FALSE(clock.feed(nic.look(start + i * second / 10, 100)));
  }
  expect_within(clock, nic, start + 95 * second, 200);
  // 87 s is the oldest that is kept: earlier times are off by the wander alone, and say so.
  expect_within(clock, nic, start + 80 * second, 10'000);
  EXPECT_EQ(clock.state()->looks, 1'000U);
  EXPECT_NEAR(clock.state()->drift_ppb, 10'000, clock.state()->drift_bound_ppb);
}

}  // namespace
}  // namespace netobs
