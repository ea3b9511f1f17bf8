// Fake clocks throughout: the TAI offset and CLOCK_REALTIME are the whole machine's, and a time
// namespace shifts neither, so no test sets them.

#include "linux/bpf/hook_clock.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

namespace netobs::linux_bpf {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t realtime_ns = 1'800'000'000'000'000'000;

struct FakeHost {
  std::int32_t tai_offset_s = 0;
  bool discipline_told = true;
  std::int64_t realtime_minus_monotonic_ns = realtime_ns;
  std::int64_t monotonic_ns = 0;
  std::deque<std::int64_t> brackets_ns;  ///< of the next reads; then 40

  [[nodiscard]] HostClocks clocks() {
    return {
        .discipline = [this]() -> Result<os::TimeDiscipline> {
          if (!discipline_told) return fail({.what = "ask", .cause = "", .remedy = ""});
          os::TimeDiscipline told;
          told.tai_offset_s = tai_offset_s;
          return told;
        },
        .read =
            [this] {
              std::int64_t bracket_ns = 40;
              if (!brackets_ns.empty()) {
                bracket_ns = brackets_ns.front();
                brackets_ns.pop_front();
              }
              os::BracketedRead read;
              read.before = {monotonic_ns};
              // As late as it can be within the bracket: the conversion is off by all of its bound.
              read.realtime = {monotonic_ns + bracket_ns + realtime_minus_monotonic_ns};
              read.after = {monotonic_ns + bracket_ns};
              return read;
            },
    };
  }
};

TEST(HookClock, TaiOffsetsOf0And37AndANegativeOne) {
  for (const std::int32_t offset_s : {0, 37, -5}) {
    FakeHost host;
    host.tai_offset_s = offset_s;
    auto clock = HookClock::of(NETOBS_CLOCK_TAI, host.clocks());
    // TAI is ahead of UTC by the offset: what the program read, minus it, is CLOCK_REALTIME.
    const auto tai_ns = realtime_ns + offset_s * second_ns;
    EXPECT_EQ(clock.to_realtime(tai_ns), realtime_ns);
    EXPECT_EQ(clock.to_realtime(tai_ns + 7 * second_ns), realtime_ns + 7 * second_ns);
  }
}

TEST(HookClock, TheTaiOffsetStandsInTheReport) {
  FakeHost host;
  EXPECT_EQ(HookClock::of(NETOBS_CLOCK_TAI, host.clocks()).description(), "clock TAI, minus 0 s");
  host.tai_offset_s = 37;
  EXPECT_EQ(HookClock::of(NETOBS_CLOCK_TAI, host.clocks()).description(), "clock TAI, minus 37 s");
}

TEST(HookClock, ALeapSecondOrAnOffsetSetLateIsFollowedWithinASecond) {
  FakeHost host;
  auto clock = HookClock::of(NETOBS_CLOCK_TAI, host.clocks());
  EXPECT_EQ(clock.to_realtime(realtime_ns), realtime_ns);
  host.tai_offset_s = 37;
  EXPECT_EQ(clock.to_realtime(realtime_ns + 38 * second_ns), realtime_ns + second_ns);
}

TEST(HookClock, AnOffsetThatIsNotToldAnyMoreStaysInForce) {
  FakeHost host;
  host.tai_offset_s = 37;
  auto clock = HookClock::of(NETOBS_CLOCK_TAI, host.clocks());
  host.discipline_told = false;
  host.tai_offset_s = 0;
  EXPECT_EQ(clock.to_realtime(realtime_ns + 137 * second_ns), realtime_ns + 100 * second_ns);
}

TEST(HookClock, MonotonicIsConvertedWithinTheBoundThatIsReported) {
  FakeHost host;
  host.monotonic_ns = 5 * second_ns;
  host.brackets_ns = {900, 60, 5'000, 60, 70};  // the narrowest of five counts
  auto clock = HookClock::of(NETOBS_CLOCK_MONOTONIC, host.clocks());
  EXPECT_EQ(clock.description(), "clock MONOTONIC, converted within 30 ns");
  host.brackets_ns = {60, 60, 60, 60, 60};
  EXPECT_EQ(clock.to_realtime(5 * second_ns), realtime_ns + 5 * second_ns + 30);
}

TEST(HookClock, AStepOfTheClockIsFollowedAtTheNextLook) {
  for (const std::int64_t step_ns : {3'600 * second_ns, -40'000'000L}) {
    FakeHost host;
    auto clock = HookClock::of(NETOBS_CLOCK_MONOTONIC, host.clocks());
    EXPECT_EQ(clock.to_realtime(1'000), realtime_ns + 1'000 + 20);
    host.realtime_minus_monotonic_ns += step_ns;
    clock.look_for_step();
    EXPECT_EQ(clock.to_realtime(2'000), realtime_ns + step_ns + 2'000 + 20);
  }
}

TEST(HookClock, ALookThatWasInterruptedIsNoStep) {
  FakeHost host;
  auto clock = HookClock::of(NETOBS_CLOCK_MONOTONIC, host.clocks());
  static_cast<void>(clock.to_realtime(0));
  host.brackets_ns = {3'000'000};
  clock.look_for_step();
  host.realtime_minus_monotonic_ns += 5'000;  // less than a step: the next measurement finds it
  EXPECT_EQ(clock.to_realtime(1'000), realtime_ns + 1'000 + 20);
}

TEST(HookClock, TaiMovesWithTheClock) {
  FakeHost host;
  host.tai_offset_s = 37;
  auto clock = HookClock::of(NETOBS_CLOCK_TAI, host.clocks());
  host.realtime_minus_monotonic_ns += second_ns;
  clock.look_for_step();
  const auto stepped_ns = realtime_ns + second_ns;
  EXPECT_EQ(clock.to_realtime(stepped_ns + 37 * second_ns), stepped_ns);
}

TEST(HookClock, TheWidestBoundOfTheRunIsTheOneReported) {
  FakeHost host;
  auto clock = HookClock::of(NETOBS_CLOCK_MONOTONIC, host.clocks());
  EXPECT_EQ(clock.description(), "clock MONOTONIC, converted within 20 ns");
  static_cast<void>(clock.to_realtime(0));
  host.brackets_ns = {800, 800, 800, 801, 900};
  static_cast<void>(clock.to_realtime(second_ns / 10));
  EXPECT_EQ(clock.description(), "clock MONOTONIC, converted within 400 ns");
  static_cast<void>(clock.to_realtime(second_ns / 5));
  EXPECT_EQ(clock.description(), "clock MONOTONIC, converted within 400 ns");
}

}  // namespace
}  // namespace netobs::linux_bpf
