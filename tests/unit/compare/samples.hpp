#pragma once
// Measurements made up from a seed: a level, a spread, and a tail.

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/compare/measurement.hpp"

namespace netobs::test {

struct Level {
  double residence = 500;
  double stack = 2'000;
  double spread = 0.02;  ///< relative, of a block
};

/// `blocks` values of a round trip and of the two segments that it consists of.
inline compare::Measurement measured(const Level& level, std::size_t blocks,
                                     std::mt19937_64& random) {
  using compare::Kind;
  using compare::Statistic;
  compare::Metric round_trip{"rtt.app.p50",    "application",  "",
                             Kind::round_trip, Statistic::p50, {}};
  compare::Metric residence{"segment.residence.p50", "residence",    "reflector",
                            Kind::segment,           Statistic::p50, {}};
  compare::Metric stack{"segment.stack.p50", "syscall and stack", "sender",
                        Kind::segment,       Statistic::p50,      {}};
  std::lognormal_distribution<double> noise(0, level.spread);
  for (std::size_t i = 0; i < blocks; ++i) {
    const double in_residence = level.residence * noise(random);
    const double in_stack = level.stack * noise(random);
    residence.values.emplace_back(in_residence);
    stack.values.emplace_back(in_stack);
    round_trip.values.emplace_back(in_residence + in_stack + 7'500 * noise(random));
  }
  return {"made up", "", {round_trip, residence, stack}};
}

inline compare::Measurement measured(const Level& level, std::size_t blocks, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  return measured(level, blocks, random);
}

}  // namespace netobs::test
