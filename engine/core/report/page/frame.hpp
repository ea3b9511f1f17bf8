#pragma once
// The document around the sections of a page.

#include <string>
#include <string_view>

#include "core/report/page/html_writer.hpp"

namespace netobs::report {

/// Begins the document: policy, style sheet, <body>, <main>.
void begin_page(HtmlWriter& html, std::string_view title);
/// A heading and the place of a chart that page.js draws. `id` is page.js's name of the chart.
void put_chart(HtmlWriter& html, std::string_view id, std::string_view title,
               std::string_view lead);
/// Ends it: licence of the chart library, data (JSON), scripts.
void end_page(HtmlWriter& html, const std::string& data);

}  // namespace netobs::report
