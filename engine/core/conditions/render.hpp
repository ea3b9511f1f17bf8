#pragma once

#include <string>

#include "core/conditions/verdict.hpp"
#include "core/report/renderer.hpp"

namespace netobs::conditions {

/// One item per line: verdict, figures, reason. Then the thresholds.
[[nodiscard]] std::string check_text(const Conditions& conditions, const Thresholds& limits,
                                     const report::RenderStyle& style);
/// Schema "netobs.check/1".
[[nodiscard]] std::string check_json(const Conditions& conditions, const Thresholds& limits);

}  // namespace netobs::conditions
