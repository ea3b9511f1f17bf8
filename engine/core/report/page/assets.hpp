#pragma once
// The files of this folder that go into every page, and the chart library of the distribution, put
// into the program when it is built (embed.cmake).

#include <string_view>

namespace netobs::report::assets {

[[nodiscard]] std::string_view style();   ///< page.css
[[nodiscard]] std::string_view script();  ///< page.js
/// Chart.js, minified; empty where the program was built without it: then pages have no charts.
[[nodiscard]] std::string_view chart_library();
/// The notice that its licence wants kept.
[[nodiscard]] std::string_view chart_licence();

}  // namespace netobs::report::assets
