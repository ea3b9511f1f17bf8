#pragma once

#include <string>

#include "core/compare/comparison.hpp"
#include "core/report/page/page_data.hpp"

namespace netobs::compare {

/// One HTML document that needs nothing else (report/page/render_page.hpp): the verdict and the
/// table of every metric, and of two stored runs their segments beside each other and the curves of
/// the second over those of the first. nullptr: that side is not a stored run, and only the table
/// is there.
[[nodiscard]] std::string render_page(const Comparison& comparison, const report::PageData* base,
                                      const report::PageData* next);

}  // namespace netobs::compare
