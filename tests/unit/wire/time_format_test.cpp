#include "core/wire/time_format.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "core/wire/error_estimate.hpp"

namespace netobs::wire {
namespace {

constexpr std::int64_t vector_ns = 1'700'000'000'123'456'789;
constexpr std::uint64_t vector_ntp = 0xe8fe6f801f9add37;
constexpr std::int64_t ns_per_s = 1'000'000'000;

TEST(TimeFormat, NtpVectorIsRounded) {
  EXPECT_EQ(ntp_from_unix_ns(vector_ns), vector_ntp);
  EXPECT_EQ(unix_ns_from_ntp(vector_ntp, vector_ns), vector_ns);
}

TEST(TimeFormat, PtpVectorWithTai) {
  EXPECT_EQ(ptp_from_unix_ns(vector_ns, 37), 0x6553f125075bcd15U);
  EXPECT_EQ(unix_ns_from_ptp(0x6553f125075bcd15U, 37, vector_ns), vector_ns);
}

TEST(TimeFormat, EveryNanosecondSurvivesTheRoundTrip) {
  for (std::int64_t ns = vector_ns; ns < vector_ns + 3000; ++ns) {
    ASSERT_EQ(unix_ns_from_ntp(ntp_from_unix_ns(ns), vector_ns), ns);
  }
  const std::int64_t last = 1'700'000'000'999'999'999;
  EXPECT_EQ(ntp_from_unix_ns(last), 0xe8fe6f80fffffffcU);  // does not spill into the seconds
  EXPECT_EQ(unix_ns_from_ntp(ntp_from_unix_ns(last), vector_ns), last);
}

TEST(TimeFormat, BeforeTheEpoch) {
  EXPECT_EQ(ntp_from_unix_ns(-1), 0x83aa7e7ffffffffcU);
  EXPECT_EQ(unix_ns_from_ntp(0x83aa7e7ffffffffcU, 0), -1);
}

TEST(TimeFormat, EraEndsIn2036) {
  const std::int64_t era_end_s = 2'085'978'496;  // 2036-02-07 06:28:16 UTC
  const std::int64_t before = era_end_s * ns_per_s - 1;
  EXPECT_EQ(ntp_from_unix_ns(before) >> 32U, 0xffffffffU);
  EXPECT_EQ(ntp_from_unix_ns(era_end_s * ns_per_s), 0U);
  EXPECT_EQ(unix_ns_from_ntp(0, before), era_end_s * ns_per_s);
  EXPECT_EQ(unix_ns_from_ntp(0xffffffff00000000U, before + ns_per_s), (era_end_s - 1) * ns_per_s);
}

TEST(TimeFormat, DifferencesWrapAcrossTheEra) {
  EXPECT_EQ(ntp_difference_ns(0x0000000000000000U, 0xffffffff00000000U), ns_per_s);
  EXPECT_EQ(ntp_difference_ns(0xffffffff00000000U, 0x0000000000000000U), -ns_per_s);
  EXPECT_EQ(ntp_difference_ns(0x0000000180000000U, 0x0000000100000000U), 500'000'000);
  EXPECT_EQ(ntp_difference_ns(0x0000000100000000U, 0x0000000180000000U), -500'000'000);
}

TEST(TimeFormat, ExtremesDoNotOverflow) {
  (void)unix_ns_from_ntp(0xffffffffffffffffU, std::numeric_limits<std::int64_t>::max());
  (void)unix_ns_from_ntp(0, std::numeric_limits<std::int64_t>::min());
  (void)unix_ns_from_ptp(0xffffffffffffffffU, 37, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(ntp_difference_ns(0x8000000000000000U, 0), -2'147'483'648 * ns_per_s);
}

TEST(ErrorEstimate, KnownBounds) {
  EXPECT_EQ(ErrorEstimate::from_bound_ns(1'000, false).encode(), 0x0587);
  EXPECT_EQ(ErrorEstimate::from_bound_ns(10'000, false).encode(), 0x08a8);
  EXPECT_EQ(ErrorEstimate::from_bound_ns(100'000, false).encode(), 0x0bd2);
  EXPECT_EQ(ErrorEstimate::from_bound_ns(1'000'000, false).encode(), 0x0f84);
  EXPECT_EQ(ErrorEstimate::from_bound_ns(1'000, true, TimeFormat::ptp).encode(), 0xc587);
}

TEST(ErrorEstimate, NeverBelowTheBoundAndNeverZero) {
  for (std::int64_t bound = 1; bound < 4'000'000'000'000'000'000; bound = bound * 3 + 1) {
    const auto estimate = ErrorEstimate::from_bound_ns(bound, true);
    EXPECT_GE(estimate.bound_ns(), bound);
    EXPECT_NE(estimate.multiplier, 0);
  }
  EXPECT_EQ(ErrorEstimate::from_bound_ns(0, false).multiplier, 5);  // 1 ns = 4.3 units of 2^-32 s
  EXPECT_EQ(ErrorEstimate::from_bound_ns(-7, false).encode(),
            ErrorEstimate::from_bound_ns(1, false).encode());
}

TEST(ErrorEstimate, DecodesItsFieldsAndRefusesMultiplierZero) {
  const auto estimate = ErrorEstimate::decode(0x8601);
  ASSERT_TRUE(estimate.has_value());
  EXPECT_TRUE(estimate->synchronised);
  EXPECT_EQ(estimate->format, TimeFormat::ntp);
  EXPECT_EQ(estimate->scale, 6);
  EXPECT_EQ(estimate->multiplier, 1);
  EXPECT_EQ(estimate->encode(), 0x8601);
  EXPECT_FALSE(ErrorEstimate::decode(0xff00).has_value());
  EXPECT_EQ(ErrorEstimate::decode(0x3fff)->bound_ns(), std::numeric_limits<std::int64_t>::max());
}

}  // namespace
}  // namespace netobs::wire
