#pragma once

#include "command.hpp"

namespace netobs::cli {

/// `netobs db prune`: options of the subcommand, and what to run.
[[nodiscard]] Run add_db_prune(CLI::App& command);

}  // namespace netobs::cli
