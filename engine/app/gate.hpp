#pragma once
// Two commands measured in turns on one machine: is the second slower?

#include <cstdint>
#include <string>
#include <vector>

#include "app/run_control.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/compare/comparison.hpp"

namespace netobs::app {

struct GateOptions {
  /// Programs with their arguments, never through a shell. One run is one block. What a block
  /// measures is read from its standard output: a run of netobs rtt --json -, or Google Benchmark's
  /// JSON; anything else counts by the time that it takes.
  std::vector<std::string> base;
  std::vector<std::string> next;
  compare::Settings settings{.design = compare::Design::paired};
  std::uint64_t seed = 1;                            ///< of the order within each round
  std::uint32_t warm_up_rounds = 1;                  ///< dropped
  std::uint32_t least_rounds = 16;                   ///< of a look
  std::uint32_t most_rounds = 60;                    ///< of a look
  Duration budget = std::chrono::seconds(60);        ///< a look ends with the round under way
  Duration block_limit = std::chrono::seconds(120);  ///< a block that takes longer is an error
};

/// Rounds of both commands until the first metric's interval is narrow enough, the rounds or the
/// budget are spent, or a stop is requested; what then looks worse is measured again, just as long.
/// Blocks the thread; children end with it. An error when a command fails or does not end.
[[nodiscard]] Result<compare::Comparison> gate(const GateOptions& options, RunControl& control);

}  // namespace netobs::app
