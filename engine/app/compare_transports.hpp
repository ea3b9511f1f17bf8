#pragma once

#include <cstdint>

#include "app/run_config.hpp"
#include "app/run_control.hpp"
#include "core/report/transport_comparison.hpp"

namespace netobs::app {

struct CompareOptions {
  RunConfig run;              ///< of every block; its transport and stores are not used
  std::uint32_t rounds = 10;  ///< each has a block of every transport
};

/// Blocks of every transport to the same reflector, in turns whose order changes with each round,
/// so that whatever the machines do meanwhile meets all alike. A transport that cannot be had is
/// left out with its reason; an error only when none can. A stop ends after the block under way.
[[nodiscard]] Result<report::TransportComparison> compare_transports(const CompareOptions& options,
                                                                     RunControl& control);

}  // namespace netobs::app
