#include "core/session/stamp_budget.hpp"

#include <gtest/gtest.h>

namespace netobs {
namespace {

constexpr MonotonicTime at(std::int64_t ms) {
  return MonotonicTime{ms * 1'000'000};
}

TEST(StampBudget, BeginsWithOneAtATime) {
  StampBudget budget({});
  EXPECT_TRUE(budget.take(0, at(0)));
  EXPECT_FALSE(budget.take(1, at(0)));
  budget.came(0);
  EXPECT_TRUE(budget.take(2, at(0)));
}

TEST(StampBudget, GrowsWhileTimestampsCome) {
  StampBudget budget({});
  for (std::uint32_t id = 0; id < 16; ++id) {
    EXPECT_TRUE(budget.take(id, at(0)));
    budget.came(id);
  }
  EXPECT_EQ(budget.limit(), 2U);
  EXPECT_TRUE(budget.take(100, at(0)));
  EXPECT_TRUE(budget.take(101, at(0)));
  EXPECT_FALSE(budget.take(102, at(0)));
}

TEST(StampBudget, HalvesAfterALossAndIsSlowerToGrowAgain) {
  StampBudget budget({});
  std::uint32_t id = 0;
  while (budget.limit() < 4) {
    EXPECT_TRUE(budget.take(id, at(0)));
    budget.came(id++);
  }
  EXPECT_EQ(id, 3U * 16U);
  EXPECT_TRUE(budget.take(id, at(0)));  // lost
  EXPECT_EQ(budget.under_way(at(200)), 1U);
  EXPECT_EQ(budget.under_way(at(201)), 0U);
  EXPECT_EQ(budget.limit(), 2U);
  for (std::uint32_t more = 0; more < 31; ++more) {
    EXPECT_TRUE(budget.take(1'000 + more, at(201)));
    budget.came(1'000 + more);
  }
  EXPECT_EQ(budget.limit(), 2U);
  EXPECT_TRUE(budget.take(2'000, at(201)));
  budget.came(2'000);
  EXPECT_EQ(budget.limit(), 3U);
}

TEST(StampBudget, ALateOneChangesNothingAnyMore) {
  StampBudget budget({});
  EXPECT_TRUE(budget.take(1, at(0)));
  EXPECT_TRUE(budget.take(2, at(500)));  // 1 has been given up
  budget.came(1);
  EXPECT_EQ(budget.under_way(at(500)), 1U);
  budget.came(2);
  EXPECT_EQ(budget.under_way(at(500)), 0U);
}

TEST(StampBudget, OneInFour) {
  StampBudget budget({4});
  std::uint32_t taken = 0;
  for (std::uint32_t id = 0; id < 100; ++id) {
    if (!budget.take(id, at(0))) continue;
    EXPECT_EQ(id % 4, 0U);
    ++taken;
    budget.came(id);
  }
  EXPECT_EQ(taken, 25U);
}

TEST(StampBudget, EveryPacketStillHasACap) {
  StampBudget budget({1});
  std::uint32_t taken = 0;
  for (std::uint32_t id = 0; id < 100; ++id) taken += budget.take(id, at(0)) ? 1U : 0U;
  EXPECT_EQ(taken, StampBudget::most_under_way);
  budget.failed(0);
  EXPECT_TRUE(budget.take(1'000, at(0)));
}

}  // namespace
}  // namespace netobs
