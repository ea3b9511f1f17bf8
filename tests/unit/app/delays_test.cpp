#include "app/selftest/delays.hpp"

#include <gtest/gtest.h>

#include <set>

namespace netobs::app::selftest {
namespace {

const std::vector<Duration> three{Duration(0), Duration(50'000), Duration(200'000)};

TEST(DelayPlan, EachBlockHasEachDelayOnce) {
  const DelayPlan plan(three, 40, 9);
  ASSERT_EQ(plan.probe_count(), 120U);
  EXPECT_EQ(plan.level_of(0), 0U);
  bool shuffled = false;
  for (std::uint64_t block = 0; block < 40; ++block) {
    const auto at = block * 3;
    const std::set<std::size_t> levels{plan.level_of(at), plan.level_of(at + 1),
                                       plan.level_of(at + 2)};
    EXPECT_EQ(levels.size(), 3U) << block;
    shuffled = shuffled || plan.level_of(at) != 0;
  }
  EXPECT_TRUE(shuffled);
}

TEST(DelayPlan, ProbesBeyondThePlanAreNotDelayed) {
  const DelayPlan plan(three, 10, 9);
  EXPECT_EQ(plan.delay_of(30), Duration(0));
  EXPECT_EQ(plan.delay_of(0x8000'0000), Duration(0));
}

TEST(DelayPlan, TheSeedRepeatsTheOrder) {
  const DelayPlan one(three, 20, 9);
  const DelayPlan two(three, 20, 9);
  const DelayPlan other(three, 20, 10);
  bool differs = false;
  for (std::uint64_t i = 0; i < one.probe_count(); ++i) {
    EXPECT_EQ(one.level_of(i), two.level_of(i));
    differs = differs || one.level_of(i) != other.level_of(i);
  }
  EXPECT_TRUE(differs);
}

TEST(Account, HoldsMeasuredProbesOnly) {
  Account account(2);
  account.note(1, {2, 77});
  account.note(2, {1, 5});
  account.note(0x8000'0001, {1, 5});
  EXPECT_FALSE(account.of(0));
  ASSERT_TRUE(account.of(1));
  EXPECT_EQ(account.of(1)->injected_ns, 77);
  EXPECT_FALSE(account.of(2));
}

}  // namespace
}  // namespace netobs::app::selftest
