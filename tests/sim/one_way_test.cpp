// One-way delays: what clocks do to them, when they exist, and what a report says of them. The
// truth is true time in the simulator, never another figure of the program.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "core/report/renderer.hpp"
#include "core/report/summary.hpp"
#include "core/sim/world.hpp"
#include "core/stats/view.hpp"

namespace netobs::sim {
namespace {

using stats::ClockRelation;
using stats::SegmentKind;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t seeds = 150;
constexpr ClockRelation unknown{};
constexpr ClockRelation synchronised{ClockRelation::Kind::synchronised, 1'200};

/// Two hosts with Net Obs on both and nothing wrong with their clocks yet. Nothing comes twice, so
/// that a record is of the packets that the truth tells of.
Scenario plain_scenario(std::uint64_t seed) {
  auto scenario = random_scenario(seed);
  scenario.sender.clock = {};
  scenario.reflector.clock = {};
  scenario.foreign = false;
  scenario.room_for_tlv = true;
  scenario.forward.duplicated_ppm = 0;
  scenario.backward.duplicated_ppm = 0;
  return scenario;
}

/// The same records, in a run that knows this of the clocks.
struct Told {
  Told(const World& world, ClockRelation clocks) : config(config_of(world, clocks)), run(config) {
    for (const auto& record : world.records()) run.fold(record);
  }
  static stats::RunStatisticsConfig config_of(const World& world, ClockRelation clocks) {
    const auto& points = world.correlator_config();
    stats::RunStatisticsConfig config;
    config.plan = stats::plan_of(points.sender_points, points.reflector_points);
    config.clocks = clocks;
    return config;
  }
  [[nodiscard]] std::string text() const {
    report::RunDocument document;
    document.path = config.path();
    document.probes = run.probes();
    document.violations = run.violations();
    return report::render_text(report::assemble(document, run.ledger(), run.totals()), {});
  }

  stats::RunStatisticsConfig config;
  stats::RunStatistics run;
};

bool is_one_way(const stats::Segment& segment) {
  return segment.kind == SegmentKind::network_forward ||
         segment.kind == SegmentKind::network_backward;
}

/// How much longer each segment of a second world is than in the first.
template <class F>
std::uint64_t compare_segments(const ClockConfig& reflector_clock, F&& check) {
  std::uint64_t one_way = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto scenario = plain_scenario(seed);
    World one(scenario);
    one.run();
    scenario.reflector.clock = reflector_clock;
    World other(scenario);
    other.run();
    EXPECT_EQ(one.records().size(), other.records().size()) << seed;
    const Told told(one, synchronised);
    for (std::size_t i = 0; i < one.records().size(); ++i) {
      for (const auto& segment : told.run.path().segments) {
        const auto before = stats::length_ns(segment, one.records()[i]);
        const auto after = stats::length_ns(segment, other.records()[i]);
        EXPECT_EQ(before.has_value(), after.has_value()) << seed << ": " << i;
        if (!before || !after || one.probes()[i].requests.empty()) continue;
        one_way += is_one_way(segment) ? 1U : 0U;
        check(segment, *after - *before, one.probes()[i].requests.front());
      }
    }
  }
  return one_way;
}

TEST(OneWay, AnOffsetMovesItByExactlyTheOffsetAndNothingElse) {
  for (const std::int64_t offset : {8'123'456'789, -37'000'000'001}) {
    const auto compared = compare_segments(
        {.offset_ns = offset},
        [&](const stats::Segment& segment, std::int64_t moved, const RequestTruth&) {
          const auto expected = segment.kind == SegmentKind::network_forward    ? offset
                                : segment.kind == SegmentKind::network_backward ? -offset
                                                                                : 0;
          EXPECT_EQ(moved, expected) << segment.key();
        });
    EXPECT_GT(compared, 5'000U);
  }
}

TEST(OneWay, ADriftMovesItByTheDriftUpToThatInstant) {
  constexpr std::int64_t ppb = 200'000;
  constexpr std::int64_t rounding_ns = 2;
  const auto drift_at = [](std::int64_t true_ns) { return true_ns * ppb / 1'000'000'000; };
  const auto compared = compare_segments(
      {.drift_ppb = ppb},
      [&](const stats::Segment& segment, std::int64_t moved, const RequestTruth& request) {
        const auto at = [&](std::size_t slot_index) {
          if (slot_host(slot_index) == Host::sender) return std::int64_t{0};
          return drift_at(request.at_reflector.at(slot_point(slot_index)));
        };
        const auto expected = at(segment.to) - at(segment.from);
        EXPECT_LE(std::abs(moved - expected), rounding_ns) << segment.key();
      });
  EXPECT_GT(compared, 5'000U);
}

TEST(OneWay, RoundTripsOfTheWholeRunDoNotMove) {
  std::uint64_t compared = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto scenario = plain_scenario(seed);
    World one(scenario);
    one.run();
    scenario.reflector.clock.offset_ns = -3'000'000'007;
    World other(scenario);
    other.run();
    const auto before = Told(one, unknown).run.totals();
    const auto after = Told(other, unknown).run.totals();
    EXPECT_EQ(before, after) << seed;  // delay changes and their spread, too
    compared += before.size();
  }
  EXPECT_GT(compared, 1'000U);
}

TEST(OneWay, ExistsOnlyWhereTheClocksAreKnownToAgree) {
  std::uint64_t with_network = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto scenario = plain_scenario(seed);
    scenario.reflector.clock.offset_ns = 5'000'000'000;
    World world(scenario);
    world.run();
    const Told nothing_known(world, unknown);
    const Told agreeing(world, synchronised);
    EXPECT_EQ(std::ranges::count_if(nothing_known.run.path().segments, is_one_way), 0) << seed;
    EXPECT_EQ(std::ranges::count_if(agreeing.run.path().segments, is_one_way), 2) << seed;
    for (const auto& [key, distribution] : nothing_known.run.totals()) {
      EXPECT_EQ(key.starts_with("segment.sender") && key.contains(".reflector."), false) << key;
      EXPECT_EQ(key.starts_with("segment.reflector") && key.contains(".sender."), false) << key;
    }
    if (!nothing_known.run.totals().contains("network.both_ways")) continue;
    ++with_network;
    EXPECT_THAT(nothing_known.text(), HasSubstr("out and back")) << seed;
    EXPECT_THAT(nothing_known.text(), Not(HasSubstr("+-"))) << seed;
    EXPECT_THAT(agreeing.text(), HasSubstr(" +-1.20 us")) << seed;
    EXPECT_THAT(agreeing.text(), Not(HasSubstr("out and back"))) << seed;
  }
  EXPECT_GT(with_network, seeds / 2);
}

/// The sender is told of it by the next reply: the record that spans it is marked, everything else
/// holds.
TEST(OneWay, AStepOfTheReflectorMarksWhatSpansItAndMovesNoRoundTrip) {
  std::uint64_t compared = 0;
  std::uint64_t across = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto scenario = plain_scenario(seed);
    World one(scenario);
    one.run();
    const auto run_ns = static_cast<std::int64_t>(scenario.count * scenario.schedule.period_ns);
    const auto step_at_ns = run_ns / 2;
    scenario.reflector.clock.step_at_ns = step_at_ns;
    scenario.reflector.clock.step_ns = seed % 2 == 0 ? 3'600'000'000'000 : -40'000'000;
    World other(scenario);
    other.run();
    ASSERT_EQ(one.records().size(), other.records().size()) << seed;
    for (std::size_t i = 0; i < one.records().size(); ++i) {
      for (const auto& view : stats::view_table) {
        const auto& a = one.records()[i];
        const auto& b = other.records()[i];
        EXPECT_EQ(stats::rtt_ns(a, view), stats::rtt_ns(b, view)) << seed << ": " << i;
        const auto net = stats::net_rtt_ns(a, view);
        if (!net) continue;
        const auto& inside = one.probes()[i].requests.front().at_reflector;
        if (inside.at(view.rx) < step_at_ns && inside.at(view.tx) >= step_at_ns) {
          ++across;
          EXPECT_TRUE(b.clock_stepped) << seed << ": " << i;
          continue;
        }
        ++compared;
        EXPECT_EQ(net, stats::net_rtt_ns(b, view)) << seed << ": " << i << " " << view.name;
      }
    }
  }
  EXPECT_GT(compared, 5'000U);
  EXPECT_GT(across, 10U);
}

/// True round trips between two points of the sender, of the records that the statistics are of.
std::vector<std::int64_t> true_round_trips(const World& world, const stats::View& view) {
  std::vector<std::int64_t> all;
  for (const auto& record : world.records()) {
    if (record.outcome != Outcome::answered || record.clock_stepped) continue;
    if (!record.at(Host::sender, view.tx) || !record.at(Host::sender, view.rx)) continue;
    const auto& probe = world.probes()[record.sequence];
    const auto& reply = probe.requests.front().replies.front();
    all.push_back(reply.at_sender.at(view.rx) - probe.at_sender.at(view.tx));
  }
  return all;
}

// The fake clock is stepped: CLOCK_REALTIME of a machine is everybody's, and a time namespace does
// not shift it, so no test sets a real one.
TEST(OneWay, AStepLeavesEveryOtherFigureOfTheRunTrue) {
  std::uint64_t marked = 0;
  std::uint64_t compared = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    auto scenario = plain_scenario(seed);
    scenario.window = 256;  // a full one closes records before a step can be noticed
    const auto run_ns = static_cast<std::int64_t>(scenario.count * scenario.schedule.period_ns);
    scenario.sender.clock.step_at_ns = run_ns / 2;
    scenario.sender.clock.step_ns = seed % 2 == 0 ? 3'600'000'000'000 : -40'000'000;
    World world(scenario);
    world.run();
    const Told told(world, unknown);
    const auto stepped = static_cast<std::uint64_t>(
        std::ranges::count_if(world.records(), [](const ProbeRecord& record) {
          return record.clock_stepped && record.outcome != Outcome::send_failed;
        }));
    EXPECT_EQ(told.run.probes().clock_stepped, stepped) << seed;
    EXPECT_EQ(told.run.violations().causal_order, 0U) << seed;
    EXPECT_EQ(told.run.violations().identity, 0U) << seed;
    marked += stepped;
    const auto totals = told.run.totals();
    for (const auto& view : stats::view_table) {
      if (info(view.tx).layer == Layer::nic) continue;  // a clock of its own
      const auto truth = true_round_trips(world, view);
      const auto found = totals.find("rtt." + std::string(view.name));
      ASSERT_EQ(found == totals.end(), truth.empty()) << seed << " " << view.name;
      if (truth.empty()) continue;
      ++compared;
      EXPECT_EQ(found->second.count(), truth.size()) << seed << " " << view.name;
      EXPECT_EQ(found->second.min(), *std::ranges::min_element(truth)) << seed << " " << view.name;
      EXPECT_EQ(found->second.max(), *std::ranges::max_element(truth)) << seed << " " << view.name;
      const auto sum = std::accumulate(truth.begin(), truth.end(), std::int64_t{0});
      EXPECT_NEAR(*found->second.mean(),
                  static_cast<double>(sum) / static_cast<double>(truth.size()), 1e-3);
    }
  }
  EXPECT_GT(marked, 50U);
  EXPECT_GT(compared, seeds);
}

}  // namespace
}  // namespace netobs::sim
