#include "core/compare/rounds.hpp"

#include <gtest/gtest.h>

#include "unit/compare/samples.hpp"

namespace netobs::compare {
namespace {

using test::Level;
using test::measured;

constexpr Settings paired{.design = Design::paired};

Rounds rounds_of(const Level& base, const Level& next, std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Rounds rounds;
  for (std::size_t i = 0; i < count; ++i) {
    const auto first = measured(base, 5, random);
    rounds.add(first, measured(next, 5, random));
  }
  return rounds;
}

TEST(Rounds, KeepTheMedianOfEachBlock) {
  Measurement base{"a", "", {{"x", "x", "", Kind::duration, Statistic::whole, {3.0, 1.0, 8.0}}}};
  Measurement next{"b", "", {{"x", "x", "", Kind::duration, Statistic::whole, {std::nullopt}}}};
  Rounds rounds;
  rounds.add(base, next);
  rounds.add(next, base);
  EXPECT_EQ(rounds.base().metrics[0].values,
            (std::vector<std::optional<double>>{3.0, std::nullopt}));
  EXPECT_EQ(rounds.next().metrics[0].values,
            (std::vector<std::optional<double>>{std::nullopt, 3.0}));
}

TEST(Rounds, AMetricThatComesLaterKeepsItsPlace) {
  const auto side = [](std::vector<std::string> names) {
    Measurement made{"a", "", {}};
    for (const auto& name : names) {
      made.metrics.push_back({name, name, "", Kind::duration, Statistic::whole, {1.0}});
    }
    return made;
  };
  Rounds rounds;
  rounds.add(side({"x"}), side({"x"}));
  rounds.add(side({"y"}), side({"x", "y"}));
  EXPECT_EQ(rounds.base().metrics[0].values,
            (std::vector<std::optional<double>>{1.0, std::nullopt}));
  EXPECT_EQ(rounds.base().metrics[1].values,
            (std::vector<std::optional<double>>{std::nullopt, 1.0}));
}

TEST(Rounds, ARealRegressionIsConfirmed) {
  const Level slow{.residence = 1'500};
  const auto found = confirmed(rounds_of({}, slow, 16, 1), rounds_of({}, slow, 16, 2), paired);
  EXPECT_EQ(found.verdict, Verdict::worse);
  EXPECT_EQ(found.culprit()->name, "segment.residence.p50");
  EXPECT_EQ(found.metrics[0].base_blocks, 32U);
}

TEST(Rounds, OneThatDoesNotComeAgainIsNot) {
  const Level slow{.residence = 1'500};
  const auto found = confirmed(rounds_of({}, slow, 16, 1), rounds_of({}, {}, 16, 2), paired);
  EXPECT_NE(found.verdict, Verdict::worse);
  ASSERT_FALSE(found.notes.empty());
  EXPECT_NE(found.notes.back().find("0 again"), std::string::npos);
}

TEST(Rounds, NothingThatOnlyTheSecondLookShowsIsWorse) {
  const Level slow{.stack = 4'000};
  const auto found = confirmed(rounds_of({}, {}, 16, 1), rounds_of({}, slow, 16, 2), paired);
  EXPECT_EQ(found.verdict, Verdict::same);  // nothing was suspected, so the second does not count
}

TEST(Rounds, EnoughIsJudgedByTheWidthAlone) {
  const auto exact = [](const Level& next) {
    const auto rounds = rounds_of({}, next, 16, 1);
    return precise_enough(rounds, paired);
  };
  EXPECT_TRUE(exact({}));
  EXPECT_TRUE(exact({.residence = 5'000}));
  const auto noisy = rounds_of({.spread = 0.5}, {.spread = 0.5}, 16, 1);
  EXPECT_FALSE(precise_enough(noisy, paired));
  const auto few = rounds_of({}, {}, 5, 1);
  EXPECT_FALSE(precise_enough(few, paired));
  EXPECT_FALSE(precise_enough({}, paired));
}

/// The whole procedure on made-up noise: how often it errs, without a machine in the way.
TEST(Rounds, FalseAlarmsAndDetection) {
  constexpr int sessions = 300;
  int alarms = 0;
  int found = 0;
  const Level noisy{.spread = 0.08};
  const Level slower{.residence = 1'500, .spread = 0.08};  // a tenth of the round trip
  for (int i = 0; i < sessions; ++i) {
    const auto seed = static_cast<std::uint64_t>(4 * i);
    const auto same =
        confirmed(rounds_of(noisy, noisy, 16, seed), rounds_of(noisy, noisy, 16, seed + 1), paired);
    alarms += same.verdict == Verdict::worse ? 1 : 0;
    const auto slow = confirmed(rounds_of(noisy, slower, 16, seed + 2),
                                rounds_of(noisy, slower, 16, seed + 3), paired);
    const bool right = slow.culprit() != nullptr && slow.culprit()->name == "segment.residence.p50";
    found += slow.verdict == Verdict::worse && right ? 1 : 0;
  }
  EXPECT_LE(alarms, sessions / 100);
  EXPECT_GE(found, sessions * 95 / 100);
}

TEST(Rounds, SaysWhenTheMachineDrifts) {
  Measurement base{"a", "", {{"x", "x", "", Kind::duration, Statistic::whole, {}}}};
  for (int i = 0; i < 20; ++i) base.metrics[0].values.emplace_back(1'000 + i % 3);
  EXPECT_TRUE(steadiness_notes(base, paired).empty());
  for (int i = 10; i < 20; ++i) base.metrics[0].values[static_cast<std::size_t>(i)] = 1'500 + i;
  const auto notes = steadiness_notes(base, paired);
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_NE(notes[0].find("changed meanwhile"), std::string::npos);
  EXPECT_NE(notes[1].find("Unsteady"), std::string::npos);
}

}  // namespace
}  // namespace netobs::compare
