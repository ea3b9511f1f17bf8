#pragma once

#include <string>
#include <vector>

#include "core/sim/world.hpp"

namespace netobs::sim {

/// Everything in which the records of a finished run differ from what truly happened; the first
/// few. What is tolerated, and why, stands at the head of check.cpp.
[[nodiscard]] std::vector<std::string> differences(const World& world);

}  // namespace netobs::sim
