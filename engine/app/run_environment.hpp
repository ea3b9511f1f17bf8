#pragma once

#include <vector>

#include "app/recorder.hpp"
#include "app/session_setup.hpp"
#include "core/report/run_document.hpp"

namespace netobs::app {

/// Facts of host and path that bear on the numbers, for the record and for comparing runs.
[[nodiscard]] std::vector<report::EnvironmentEntry> describe_environment(
    const PreparedSession& session);
/// What of them spoils a measurement, in sentences.
[[nodiscard]] std::vector<std::string> environment_warnings(const PreparedSession& session);
/// What the hosts' NIC clocks were, into document.nic_clocks and document.path. After the run.
void add_nic_clocks(report::RunDocument& document, const PreparedSession& session,
                    const Recorder& recorder);
/// One reason per layer that could not be had at the sender.
[[nodiscard]] std::vector<report::LayerAbsence> absent_layers(const RunConfig& config,
                                                              const PreparedSession& session);

}  // namespace netobs::app
