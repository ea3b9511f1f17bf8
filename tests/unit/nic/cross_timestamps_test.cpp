#include "linux/nic/cross_timestamps.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>

#include "core/clock/nic_clock.hpp"

namespace netobs::nic {
namespace {

ptp_clock_time at(std::int64_t sec, std::uint32_t nsec) {
  return {.sec = sec, .nsec = nsec, .reserved = 0};
}

TEST(CrossTimestamps, TheShortestBracketCounts) {
  ptp_sys_offset_extended answer{};
  answer.n_samples = 3;
  const std::array rows{std::array{at(100, 0), at(137, 500), at(100, 2000)},
                        std::array{at(100, 999'999'900), at(138, 0), at(101, 201)},
                        std::array{at(102, 0), at(139, 0), at(102, 900)}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < 3; ++k) answer.ts[i][k] = rows.at(i).at(k);
  }
  // 301 ns wide: the middle is 150 ns after its beginning.
  EXPECT_EQ(shortest(answer),
            (CrossTimestamp{
                .nic_ns = 138'000'000'000, .realtime_ns = 101'000'000'050, .half_width_ns = 151}));
}

TEST(CrossTimestamps, TheBasicAnswerSharesItsSystemTimes) {
  ptp_sys_offset answer{};
  answer.n_samples = 2;
  const std::array times{at(5, 0), at(7, 0), at(5, 1000), at(7, 900), at(5, 1400)};
  for (std::size_t i = 0; i < times.size(); ++i) answer.ts[i] = times.at(i);
  EXPECT_EQ(shortest(answer),
            (CrossTimestamp{
                .nic_ns = 7'000'000'900, .realtime_ns = 5'000'001'200, .half_width_ns = 201}));
}

TEST(CrossTimestamps, AClockThatWentBackGivesNone) {
  ptp_sys_offset_extended answer{};
  answer.n_samples = 1;
  answer.ts[0][0] = at(5, 10);
  answer.ts[0][2] = at(5, 9);
  EXPECT_FALSE(shortest(answer));
  answer.n_samples = 0;
  EXPECT_FALSE(shortest(answer));
  EXPECT_FALSE(shortest(ptp_sys_offset{}));
  EXPECT_FALSE(median({}));
}

TEST(CrossTimestamps, NoMoreSamplesAreReadThanThereIsRoomFor) {
  ptp_sys_offset answer{};
  answer.n_samples = 1000;
  EXPECT_EQ(shortest(answer)->half_width_ns, 1);
  ptp_sys_offset_extended extended{};
  extended.n_samples = 1000;
  EXPECT_EQ(shortest(extended)->half_width_ns, 1);
}

TEST(CrossTimestamps, AnAbsurdClockOverflowsNothing) {
  for (const std::int64_t seconds : {INT64_MAX, INT64_MIN, std::int64_t{1} << 48U}) {
    const CrossTimestamp look{.nic_ns = to_ns(at(seconds, UINT32_MAX)),
                              .realtime_ns = to_ns(at(100, 0))};
    EXPECT_TRUE(median(std::array{look, CrossTimestamp{-look.nic_ns, look.realtime_ns, 0}, look}));
    NicClock clock;
    EXPECT_FALSE(clock.feed(look));
    EXPECT_FALSE(clock.state()) << seconds;
  }
}

TEST(CrossTimestamps, LatchedPairsTellTheirSpread) {
  // Offsets 37 s and 10, 0, 25, 12, 11 ns.
  constexpr std::int64_t tai = 37'000'000'000;
  const std::array latched{CrossTimestamp{tai + 110, 100, 0}, CrossTimestamp{tai + 200, 200, 0},
                           CrossTimestamp{tai + 325, 300, 0}, CrossTimestamp{tai + 412, 400, 0},
                           CrossTimestamp{tai + 511, 500, 0}};
  EXPECT_EQ(median(latched), (CrossTimestamp{tai + 511, 500, 15}));
  EXPECT_EQ(median(std::array{CrossTimestamp{7, 3, 0}}), (CrossTimestamp{7, 3, 1}));
}

}  // namespace
}  // namespace netobs::nic
