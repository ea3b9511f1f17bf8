#pragma once
// The observer effect: what each layer adds to the round trip that it measures.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/run_control.hpp"
#include "app/selftest/block.hpp"
#include "core/report/renderer.hpp"
#include "core/stats/distribution.hpp"

namespace netobs::app::selftest {

struct CostOptions {
  Setup setup;
  std::size_t rounds = 10;
  std::uint64_t probes = 2000;  ///< per block, ping-pong
  std::uint64_t seed = 1;       ///< repeats the order of the blocks
};

/// A median over rounds, with the two order statistics that hold it with 95 %; without them there
/// were too few rounds.
struct RoundMedian {
  double median_ns = 0;
  std::optional<stats::Interval> confidence;
};

struct LayerCost {
  std::string layers;   ///< "app, kernel", as they were on, on both hosts
  std::string skipped;  ///< why it was not measured; empty when it was
  unsigned points = 0;  ///< timestamps per probe on both hosts
  RoundMedian p50;      ///< more than the application's layer alone, in the same round
  RoundMedian p99;
};

struct CostResult {
  std::string environment;
  std::uint64_t seed = 0;
  std::size_t rounds = 0;
  std::uint64_t probes = 0;
  /// Two reads of CLOCK_REALTIME in a row: what an interval of nothing is measured as.
  std::int64_t floor_p50_ns = 0;
  std::int64_t floor_p99_ns = 0;
  RoundMedian base_p50;  ///< round trip with the application's layer alone
  RoundMedian base_p99;
  std::vector<LayerCost> layers;
  bool interrupted = false;
};

/// Blocks with different layers on, all of them once per round, in another order each round. Needs
/// root.
[[nodiscard]] Result<CostResult> measure_cost(const CostOptions& options, RunControl& control);

[[nodiscard]] std::string cost_text(const CostResult& result, const report::RenderStyle& style);
/// schema "netobs.selftest.cost/1"
[[nodiscard]] std::string cost_json(const CostResult& result);

}  // namespace netobs::app::selftest
