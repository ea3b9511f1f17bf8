#pragma once

#include "app/run_config.hpp"
#include "app/run_control.hpp"
#include "core/report/summary.hpp"

namespace netobs::app {

/// One whole run: set-up, warm-up, the probes, the stores, the summary. The calling thread becomes
/// the hot thread: it changes namespace, affinity and timer slack, so give it one of its own.
/// Errors only before the first measured probe; afterwards what was measured is always kept.
[[nodiscard]] Result<report::Summary> measure(const RunConfig& requested, RunControl& control);

}  // namespace netobs::app
