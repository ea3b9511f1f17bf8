#pragma once
// Lines of a plain-text report: wrapping, padding and colour. Widths count characters, not bytes.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/report/renderer.hpp"

namespace netobs::report {

enum class Ink : std::uint8_t { plain, strong, faint, good, caution, alarm, bar };

class TextPage {
 public:
  explicit TextPage(const RenderStyle& style);

  [[nodiscard]] unsigned columns() const { return columns_; }
  [[nodiscard]] bool utf8() const { return utf8_; }

  /// Padded to `width` on the right or, for numbers, on the left. Colour is outside of the padding.
  [[nodiscard]] std::string left(std::string_view text, std::size_t width,
                                 Ink ink = Ink::plain) const;
  [[nodiscard]] std::string right(std::string_view text, std::size_t width,
                                  Ink ink = Ink::plain) const;
  [[nodiscard]] std::string ink(std::string_view text, Ink ink) const;

  /// A bar of up to `width` columns for a share of 0 to 1, at least a sliver for what is not zero.
  [[nodiscard]] std::string bar(double share, std::size_t width) const;

  /// Ends a line; spaces at its end are dropped.
  void line(std::string text);
  void blank() { line({}); }
  /// Items side by side, `gap` apart, going on in further lines that are indented by `indent`;
  /// items stay whole. The label stands in the first line's indent.
  void items(std::string_view label, std::span<const std::string> items, std::size_t indent,
             std::size_t gap, Ink label_ink = Ink::plain);
  /// A label and a paragraph beside it, wrapped between words.
  void paragraph(std::string_view label, std::string_view text, std::size_t indent,
                 Ink label_ink = Ink::plain);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  unsigned columns_;
  bool colour_;
  bool utf8_;
  std::string text_;
};

}  // namespace netobs::report
