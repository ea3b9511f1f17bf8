#pragma once

#include <span>
#include <string>

#include "store/rows.hpp"

namespace netobs::app {

/// What a store holds, newest first: one line per run.
[[nodiscard]] std::string runs_text(std::span<const store::RunRow> runs);
/// schema "netobs.runs/1"
[[nodiscard]] std::string runs_json(std::span<const store::RunRow> runs);

}  // namespace netobs::app
