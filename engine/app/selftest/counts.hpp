#pragma once

#include <vector>

#include "app/selftest/block.hpp"
#include "app/selftest/result.hpp"

namespace netobs::app::selftest {

/// Loss on both ways, duplicates and reordering, done by a relay to chosen probes, and what the run
/// reported of each.
[[nodiscard]] Result<std::vector<CountResult>> compare_counts(const Setup& setup,
                                                              RunControl& control);

}  // namespace netobs::app::selftest
