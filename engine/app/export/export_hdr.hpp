#pragma once

#include "app/export/export_run.hpp"

namespace netobs::app {

/// The run's roll-ups as an interval log of HdrHistogram: a line per interval and metric, by time.
[[nodiscard]] Result<ExportOutcome> export_hdr(store::Store& store, const store::RunRow& run,
                                               const ExportSink& sink);

}  // namespace netobs::app
