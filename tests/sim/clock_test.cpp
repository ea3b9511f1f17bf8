// What the clocks may change, and what they may not.

#include <gtest/gtest.h>

#include <cstdlib>

#include "check.hpp"
#include "core/stats/view.hpp"

namespace netobs::sim {
namespace {

constexpr std::uint64_t seeds = 300;

Scenario without_clock_faults(std::uint64_t seed) {
  auto scenario = random_scenario(seed);
  scenario.sender.clock = {};
  scenario.reflector.clock = {};
  return scenario;
}

/// The reflector's clock is different in the second world, and nothing else.
template <class F>
void compare_round_trips(const ClockConfig& reflector_clock, F&& same) {
  std::uint64_t compared = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto scenario = without_clock_faults(seed);
    World one(scenario);
    one.run();
    scenario.reflector.clock = reflector_clock;
    World other(scenario);
    other.run();
    ASSERT_EQ(one.records().size(), other.records().size()) << seed;
    for (std::size_t i = 0; i < one.records().size(); ++i) {
      const auto& a = one.records()[i];
      const auto& b = other.records()[i];
      ASSERT_EQ(a.outcome, b.outcome) << seed << ": " << i;
      ASSERT_EQ(a.reason, b.reason) << seed << ": " << i;
      for (const auto& view : stats::view_table) {
        ASSERT_EQ(stats::rtt_ns(a, view), stats::rtt_ns(b, view)) << seed << ": " << i;
        const auto inside = stats::between_ns(a, Host::reflector, view.rx, view.tx);
        const auto net = stats::net_rtt_ns(a, view);
        if (!net) continue;
        ++compared;
        ASSERT_TRUE(same(*net, *stats::net_rtt_ns(b, view), *inside))
            << seed << ": " << i << " " << view.name << " " << *net << " "
            << *stats::net_rtt_ns(b, view) << " " << *inside;
      }
    }
  }
  EXPECT_GT(compared, 10'000U);
}

TEST(Clocks, AnOffsetOfTheReflectorChangesNoRoundTrip) {
  compare_round_trips({.offset_ns = 8'123'456'789}, [](auto a, auto b, auto) { return a == b; });
}

TEST(Clocks, ADriftOfTheReflectorChangesTheNetworksPartByTheDriftOfTheResidence) {
  constexpr std::int64_t ppb = 200'000;
  compare_round_trips({.drift_ppb = ppb}, [](auto a, auto b, auto inside) {
    constexpr std::int64_t rounding_ns = 1;
    return std::abs(a - b) <= std::abs(inside) * ppb / 1'000'000'000 + rounding_ns;
  });
}

TEST(Clocks, AStepMarksTheRecordsThatItSpansAndNoOthers) {
  std::uint64_t marked = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto scenario = without_clock_faults(seed);
    const auto run_ns = static_cast<std::int64_t>(scenario.count * scenario.schedule.period_ns);
    scenario.window = 256;  // a full one closes records before a step can be noticed
    scenario.sender.clock.step_at_ns = run_ns / 2;
    scenario.sender.clock.step_ns = seed % 2 == 0 ? 40'000'000 : -40'000'000;
    World world(scenario);
    world.run();
    for (const auto& text : differences(world)) ADD_FAILURE() << seed << ": " << text;
    for (const auto& record : world.records()) {
      const auto sent_ns = world.probes()[record.sequence].sent_monotonic_ns;
      const auto app_rx = slot(Host::sender, Point::app_rx);
      if (record.reason[app_rx] != Reason::captured) continue;
      // Only the sender's clock steps: its own two times differ from the truth by the step.
      const auto& probe = world.probes()[record.sequence];
      const auto tx_ns = probe.at_sender.at(Point::app_tx);
      bool spans = false;
      std::int64_t rx_ns = 0;
      for (const auto& request : probe.requests) {
        for (const auto& reply : request.replies) {
          if (reply.at_sender.clock_ns[index(Point::app_rx)] != record.ns[app_rx]) continue;
          rx_ns = reply.at_sender.at(Point::app_rx);
          spans =
              tx_ns < scenario.sender.clock.step_at_ns && rx_ns >= scenario.sender.clock.step_at_ns;
        }
      }
      EXPECT_TRUE(!spans || record.clock_stepped) << seed << ": " << record.sequence;
      marked += record.clock_stepped ? 1U : 0U;
      if (!world.clock_step()) continue;
      const bool apart =
          rx_ns < world.clock_step()->last_good.ns || sent_ns > world.clock_step()->detected.ns;
      EXPECT_FALSE(apart && record.clock_stepped) << seed << ": " << record.sequence;
    }
  }
  EXPECT_GT(marked, 100U);
}

}  // namespace
}  // namespace netobs::sim
