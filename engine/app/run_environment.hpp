#pragma once

#include <vector>

#include "app/session_setup.hpp"
#include "core/report/run_document.hpp"

namespace netobs::app {

/// Facts of host and path that bear on the numbers, for the record and for comparing runs.
[[nodiscard]] std::vector<report::EnvironmentEntry> describe_environment(
    const PreparedSession& session);
/// What of them spoils a measurement, in sentences.
[[nodiscard]] std::vector<std::string> environment_warnings(const PreparedSession& session);
/// One reason per layer that could not be had at the sender.
[[nodiscard]] std::vector<report::LayerAbsence> absent_layers(const RunConfig& config,
                                                              const PreparedSession& session);

}  // namespace netobs::app
