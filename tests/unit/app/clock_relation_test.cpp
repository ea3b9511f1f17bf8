#include <gtest/gtest.h>

#include <cstdint>

#include "app/session_setup.hpp"

namespace netobs::app {
namespace {

using stats::ClockRelation;
using Kind = stats::ClockRelation::Kind;
using wire::ErrorEstimate;

// 2^-32 s is 0.2328 ns, so a multiplier of 5 at scale 0 is 1.164 ns, rounded up.
constexpr ErrorEstimate within_2_ns{.synchronised = true, .scale = 0, .multiplier = 5};
// 128 * 2^(13 - 32) s = 2^-12 s = 244 140.625 ns, rounded up.
constexpr ErrorEstimate within_244_us{.synchronised = true, .scale = 13, .multiplier = 128};

ErrorEstimate unsynchronised(ErrorEstimate estimate) {
  estimate.synchronised = false;
  return estimate;
}

TEST(ClockRelation, BothBoundsAddUp) {
  const auto relation = clock_relation(false, within_2_ns, within_244_us);
  EXPECT_EQ(relation, (ClockRelation{Kind::synchronised, 244'143}));
  EXPECT_TRUE(relation.one_way_allowed());
}

TEST(ClockRelation, OneEndsWordIsNoProof) {
  EXPECT_EQ(clock_relation(false, within_2_ns, std::nullopt), ClockRelation{});
  EXPECT_EQ(clock_relation(false, unsynchronised(within_2_ns), within_244_us), ClockRelation{});
  EXPECT_EQ(clock_relation(false, within_2_ns, unsynchronised(within_244_us)), ClockRelation{});
  EXPECT_FALSE(ClockRelation{}.one_way_allowed());
}

TEST(ClockRelation, OneKernelHasOneClockWhateverItsDiscipline) {
  EXPECT_EQ(clock_relation(true, unsynchronised(within_2_ns), std::nullopt),
            (ClockRelation{Kind::same_clock, 0}));
}

// A peer may say anything: 255 * 2^31 s.
TEST(ClockRelation, AnAbsurdBoundStaysTheLargest) {
  const ErrorEstimate absurd{.synchronised = true, .scale = 63, .multiplier = 255};
  EXPECT_EQ(clock_relation(false, within_2_ns, absurd),
            (ClockRelation{Kind::synchronised, INT64_MAX}));
}

}  // namespace
}  // namespace netobs::app
