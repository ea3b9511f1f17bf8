#pragma once
// The forms a summary can take. A new form is a function and a row of the table.

#include <array>
#include <string>
#include <string_view>

#include "core/report/summary.hpp"

namespace netobs::report {

struct RenderStyle {
  bool colour = false;    ///< ANSI colours; text only
  bool utf8 = false;      ///< block characters and the plus-minus sign; text only
  unsigned columns = 80;  ///< 60 to 200, held to that range; text only
};

[[nodiscard]] std::string render_text(const Summary& summary, const RenderStyle& style);
/// The document of the JSON contract, schema "netobs.rtt/1", indented, newline at the end.
[[nodiscard]] std::string render_json(const Summary& summary, const RenderStyle& style);
/// Tables for a pull request (GitHub's Markdown).
[[nodiscard]] std::string render_markdown(const Summary& summary, const RenderStyle& style);

struct Renderer {
  std::string_view name;
  std::string_view help;
  std::string (*render)(const Summary&, const RenderStyle&);
};

inline constexpr std::array<Renderer, 3> renderer_table{{
    {"text", "for a person at a terminal", render_text},
    {"json", "for programs: schema netobs.rtt/1", render_json},
    {"markdown", "tables for a pull request or a wiki", render_markdown},
}};

}  // namespace netobs::report
