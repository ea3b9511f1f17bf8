#pragma once

#include <string>

#include "core/report/page/page_data.hpp"

namespace netobs::report {

/// One HTML document that needs nothing else: style sheet, scripts and data are inside, and its
/// Content-Security-Policy forbids to fetch anything or to run any other script. Without scripts
/// all but the charts can be read. About 300 kB, whatever the length of the run.
[[nodiscard]] std::string render_page(const PageData& data);

}  // namespace netobs::report
