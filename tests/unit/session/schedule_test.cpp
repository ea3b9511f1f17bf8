#include "core/session/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace netobs {
namespace {

TEST(Schedule, IsochronousDeadlinesAreAbsolute) {
  Schedule schedule(
      {.kind = ScheduleKind::isochronous, .period_ns = 1'000'000, .period_divisor = 1},
      MonotonicTime{5});
  EXPECT_EQ(schedule.peek().ns, 5);
  for (int i = 0; i < 1000; ++i) schedule.advance();
  EXPECT_EQ(schedule.peek().ns, 1'000'000'005);
}

TEST(Schedule, RateThatDoesNotDivideTheSecondDoesNotDrift) {
  // 3 packets per second: a truncated period of 333 333 333 ns would lose 1 ns each second.
  Schedule schedule(
      {.kind = ScheduleKind::isochronous, .period_ns = 1'000'000'000, .period_divisor = 3},
      MonotonicTime{0});
  for (int i = 0; i < 3; ++i) schedule.advance();
  EXPECT_EQ(schedule.peek().ns, 1'000'000'000);
  for (int i = 0; i < 3'000'000 - 3; ++i) schedule.advance();
  EXPECT_EQ(schedule.peek().ns, 1'000'000'000'000'000);
}

TEST(Schedule, PoissonGapsHaveTheMeanAndSpreadOfAnExponential) {
  Schedule schedule({.kind = ScheduleKind::poisson, .period_ns = 100'000, .seed = 7},
                    MonotonicTime{0});
  constexpr int count = 200'000;
  double squares = 0;
  std::int64_t last = 0;
  for (int i = 0; i < count; ++i) {
    schedule.advance();
    const auto gap = static_cast<double>(schedule.peek().ns - last);
    EXPECT_GE(gap, 0);
    squares += gap * gap;
    last = schedule.peek().ns;
  }
  const double mean = static_cast<double>(last) / count;
  const double deviation = std::sqrt(squares / count - mean * mean);
  // Standard error of the mean is 100 us / sqrt(200 000) = 0.22 us.
  EXPECT_NEAR(mean, 100'000, 1'000);
  EXPECT_NEAR(deviation, 100'000, 2'000);
}

TEST(Schedule, PoissonRepeatsWithItsSeed) {
  const ScheduleConfig config{.kind = ScheduleKind::poisson, .period_ns = 100'000, .seed = 42};
  Schedule first(config, MonotonicTime{0});
  Schedule second(config, MonotonicTime{0});
  for (int i = 0; i < 100; ++i) {
    first.advance();
    second.advance();
    ASSERT_EQ(first.peek(), second.peek());
  }
}

TEST(ParseDuration, ReadsEveryUnit) {
  EXPECT_EQ(parse_duration("250us")->count(), 250'000);
  EXPECT_EQ(parse_duration("1ms")->count(), 1'000'000);
  EXPECT_EQ(parse_duration("2.5s")->count(), 2'500'000'000);
  EXPECT_EQ(parse_duration("10 min")->count(), 600'000'000'000);
  EXPECT_EQ(parse_duration("7ns")->count(), 7);
  EXPECT_EQ(parse_duration("1h")->count(), 3'600'000'000'000);
  EXPECT_EQ(parse_duration("1d")->count(), 86'400'000'000'000);
  EXPECT_EQ(parse_duration("30d", std::chrono::hours(24 * 30))->count(), 2'592'000'000'000'000);
}

TEST(ParseDuration, TheCallerSaysWhatIsTooLong) {
  EXPECT_FALSE(parse_duration("2d").has_value());
  const auto refused = parse_duration("31d", std::chrono::hours(24 * 30));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().cause, "A number and a unit are needed, from 1ns to 30d.");
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const auto* text : {"", "1", "ms", "-1ms", "1 parsec", "nan s", "inf s", "1e400s", "0ms",
                           "25h", "1ms2", "0x10ms", "1..5s"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration.has_value()) << text;
    EXPECT_EQ(duration.error().exit, ExitCode::usage);
  }
}

TEST(ParseRate, ReadsUnitsAndPlainNumbers) {
  EXPECT_EQ(parse_rate("20kpps").value(), 20'000U);
  EXPECT_EQ(parse_rate("1.5Mpps").value(), 1'500'000U);
  EXPECT_EQ(parse_rate("500").value(), 500U);
  EXPECT_FALSE(parse_rate("0").has_value());
  EXPECT_FALSE(parse_rate("1Gpps").has_value());
}

TEST(DurationText, UsesTheLargestUnitThatKeepsItExact) {
  EXPECT_EQ(duration_text(Duration(1'000'000)), "1 ms");
  EXPECT_EQ(duration_text(Duration(250'000)), "250 us");
  EXPECT_EQ(duration_text(Duration(1'500'000'000)), "1.5 s");
  EXPECT_EQ(duration_text(Duration(17)), "17 ns");
}

}  // namespace
}  // namespace netobs
