#pragma once

#include <string>

#include "core/report/page/page_data.hpp"

namespace netobs::report {

/// What page.js draws, of one run, as JSON: {"name", "report": render_json()'s document, "views":
/// [{"name", "label", "curve": [[one_in, ns]], "bars": [[low, high, count]]}], "series": {"source",
/// "probes_per_column", "column_ns", "t_ns", "sent", "lost", "views": {name: {"min", "p50",
/// "max"}}}}. Views without figures are left out.
[[nodiscard]] std::string chart_data(const PageData& data, const std::string& name);

}  // namespace netobs::report
