// Random scenarios by seed; NETOBS_SIM_SEEDS=100000 tries more of them. To see a failing one again:
//   NETOBS_SIM_SEED=17 sim_runs --gtest_filter='RandomRuns.*'

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "check.hpp"

namespace netobs::sim {
namespace {

std::optional<std::uint64_t> chosen_seed() {
  const char* text = std::getenv("NETOBS_SIM_SEED");
  if (text == nullptr) return std::nullopt;
  return std::stoull(text);
}

std::uint64_t seeds() {
  const char* text = std::getenv("NETOBS_SIM_SEEDS");
  return text == nullptr ? NETOBS_SIM_SEEDS : std::stoull(text);
}

std::string how_to_replay(const World& world, std::uint64_t seed) {
  return world.scenario().description() + "\nreplay: NETOBS_SIM_SEED=" + std::to_string(seed) +
         " sim_runs --gtest_filter='RandomRuns.*'";
}

bool run_and_check(std::uint64_t seed) {
  World world(random_scenario(seed));
  world.run();
  const auto found = differences(world);
  for (const auto& text : found) ADD_FAILURE() << text;
  if (!found.empty()) ADD_FAILURE() << how_to_replay(world, seed);
  return found.empty();
}

TEST(RandomRuns, RecordsShowTheTruth) {
  if (const auto seed = chosen_seed()) {
    (void)run_and_check(*seed);
    return;
  }
  constexpr int most_failures = 5;
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= seeds() && failures < most_failures; ++seed) {
    if (!run_and_check(seed)) ++failures;
  }
}

/// What a run really met, not only what its scenario might have brought.
std::map<std::string, bool> troubles_of(const World& world) {
  const auto& scenario = world.scenario();
  const auto& records = world.records();
  const auto any = [&](auto&& holds) { return std::ranges::any_of(records, holds); };
  const auto some_reason = [&](Reason reason) {
    return any([&](const ProbeRecord& r) {
      return std::ranges::find(r.reason, reason) != r.reason.end();
    });
  };
  const auto ended = [&](Outcome outcome) {
    return any([&](const ProbeRecord& r) { return r.outcome == outcome; });
  };
  const auto answered_beyond = [&](std::uint64_t wrap) {
    if (scenario.first_sequence >= wrap) return false;
    const auto last_before = wrap - 1 - scenario.first_sequence;
    const auto is = [&](bool beyond) {
      return any([&](const ProbeRecord& r) {
        return r.reply_count > 0 && (r.sequence > last_before) == beyond;
      });
    };
    return is(false) && is(true);
  };
  const auto answered_after_restart = [&] {
    return world.restarted_ns() && any([&](const ProbeRecord& r) {
             return r.reply_count > 0 &&
                    world.probes()[r.sequence].sent_monotonic_ns > *world.restarted_ns();
           });
  };
  constexpr std::uint64_t serial_half = std::uint64_t{1} << 31U;
  constexpr std::uint64_t serial_whole = std::uint64_t{1} << 32U;
  return {
      {"lost on the way out", ended(Outcome::lost_forward)},
      {"lost on the way back", ended(Outcome::lost_backward)},
      {"lost, unknown where", ended(Outcome::lost_unknown)},
      {"late reply", ended(Outcome::late)},
      {"refused send", ended(Outcome::send_failed)},
      {"duplicate", any([](const ProbeRecord& r) { return r.reply_count > 1; })},
      {"reordered", any([](const ProbeRecord& r) { return r.reordered; })},
      {"missing timestamp", some_reason(Reason::lost_by_kernel)},
      {"missing report", some_reason(Reason::not_reported)},
      {"late timestamp", world.correlator().counters().late_timestamps > 0},
      {"full window", world.correlator().counters().forced_closes > 0},
      {"restart of the reflector", answered_after_restart()},
      {"wrap of the sequence at 2^31", answered_beyond(serial_half)},
      {"wrap of the sequence at 2^32", answered_beyond(serial_whole)},
      {"step of the clock", any([](const ProbeRecord& r) { return r.clock_stepped; })},
  };
}

TEST(RandomRuns, TheSeedsMeetEveryTrouble) {
  static_assert(NETOBS_SIM_SEEDS >= 400);
  constexpr std::uint64_t looked_at = 400;
  constexpr int least = 5;
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 1; seed <= looked_at; ++seed) {
    World world(random_scenario(seed));
    world.run();
    for (const auto& [trouble, met] : troubles_of(world)) seen[trouble] += met ? 1 : 0;
  }
  for (const auto& [trouble, runs] : seen) EXPECT_GE(runs, least) << trouble;
}

TEST(RandomRuns, ASeedReplaysToTheNanosecond) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    World one(random_scenario(seed));
    World again(random_scenario(seed));
    one.run();
    again.run();
    ASSERT_EQ(one.end_ns(), again.end_ns()) << seed;
    ASSERT_EQ(one.records().size(), again.records().size()) << seed;
    for (std::size_t i = 0; i < one.records().size(); ++i) {
      ASSERT_EQ(one.records()[i].ns, again.records()[i].ns) << seed << ": " << i;
      ASSERT_EQ(one.records()[i].reason, again.records()[i].reason) << seed << ": " << i;
      ASSERT_EQ(one.records()[i].outcome, again.records()[i].outcome) << seed << ": " << i;
    }
    ASSERT_EQ(one.statistics().totals(), again.statistics().totals()) << seed;
  }
}

TEST(RandomRuns, AFailingSeedSaysHowToSeeItAgain) {
  const World world(random_scenario(17));
  EXPECT_THAT(how_to_replay(world, 17),
              ::testing::HasSubstr("NETOBS_SIM_SEED=17 sim_runs --gtest_filter='RandomRuns.*'"));
}

}  // namespace
}  // namespace netobs::sim
