#pragma once
// The forms a comparison can take. A new form is a function and a row of the table.

#include <array>
#include <string>
#include <string_view>

#include "core/compare/comparison.hpp"
#include "core/report/renderer.hpp"

namespace netobs::compare {

[[nodiscard]] std::string render_text(const Comparison& comparison,
                                      const report::RenderStyle& style);
/// Schema "netobs.compare/1", indented, newline at the end. Times in nanoseconds.
[[nodiscard]] std::string render_json(const Comparison& comparison,
                                      const report::RenderStyle& style);
/// For a comment on a pull request (GitHub's Markdown).
[[nodiscard]] std::string render_markdown(const Comparison& comparison,
                                          const report::RenderStyle& style);
/// JUnit XML: a case per metric, failed where it is worse, skipped where it could not be told.
[[nodiscard]] std::string render_junit(const Comparison& comparison,
                                       const report::RenderStyle& style);

struct Renderer {
  std::string_view name;
  std::string_view help;
  std::string (*render)(const Comparison&, const report::RenderStyle&);
};

inline constexpr std::array<Renderer, 4> renderer_table{{
    {"text", "for a person at a terminal", render_text},
    {"json", "for programs: schema netobs.compare/1", render_json},
    {"markdown", "for a comment on a pull request", render_markdown},
    {"junit", "JUnit XML, for a CI server", render_junit},
}};

/// What text and Markdown share: cells of a metric's row.
struct Cells {
  std::string base;
  std::string next;
  std::string change;    ///< "+10.4 %", or in the unit where there is no per cent
  std::string interval;  ///< "+9.8 to +11.0 %"; "--" where there is none
};
[[nodiscard]] Cells cells_of(const MetricResult& result);
/// "worse", "not enough data".
[[nodiscard]] std::string words(Verdict verdict);
/// "3 worse, 1 better, 40 same, 2 unclear (not enough data)".
[[nodiscard]] std::string tally(const Comparison& comparison);

}  // namespace netobs::compare
