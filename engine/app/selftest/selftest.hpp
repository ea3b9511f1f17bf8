#pragma once

#include <optional>
#include <string>
#include <utility>

#include "app/run_control.hpp"
#include "app/selftest/block.hpp"
#include "app/selftest/result.hpp"
#include "core/report/renderer.hpp"

namespace netobs::app::selftest {

struct SelftestOptions {
  Setup setup;
  std::vector<Duration> delays;  ///< ascending; the first is no delay
  std::size_t probes_per_delay = 50;
  std::uint64_t seed = 1;
  /// A cabled loop: two interfaces of this machine, joined outside. Empty = labs of its own.
  std::optional<std::pair<std::string, std::string>> interfaces;
};

/// Injects known delays, losses, duplicates and reordering, and compares what is measured with
/// them. Needs root. An error only where nothing at all can be measured; a part that this kernel
/// cannot do is skipped with its reason.
[[nodiscard]] Result<SelftestResult> run_selftest(const SelftestOptions& options,
                                                  RunControl& control);

[[nodiscard]] std::string selftest_text(const SelftestResult& result,
                                        const report::RenderStyle& style);
/// schema "netobs.selftest/1"
[[nodiscard]] std::string selftest_json(const SelftestResult& result);

}  // namespace netobs::app::selftest
