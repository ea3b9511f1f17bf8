#include "core/report/text_page.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/report/clean_text.hpp"

namespace netobs::report {
namespace {

constexpr unsigned min_columns = 60;
constexpr unsigned max_columns = 200;

std::string_view colour_code(Ink ink) {
  switch (ink) {
    case Ink::strong:
      return "\x1b[1m";
    case Ink::faint:
      return "\x1b[2m";
    case Ink::good:
      return "\x1b[32m";
    case Ink::caution:
      return "\x1b[33m";
    case Ink::alarm:
      return "\x1b[31m";
    case Ink::bar:
      return "\x1b[36m";
    case Ink::plain:
      break;
  }
  return "";
}

std::string padding(std::string_view text, std::size_t width) {
  std::string blanks(width - std::min(width, display_width(text)), ' ');
  return blanks;
}

}  // namespace

TextPage::TextPage(const RenderStyle& style)
    : columns_(std::clamp(style.columns, min_columns, max_columns)),
      colour_(style.colour),
      utf8_(style.utf8) {}

std::string TextPage::ink(std::string_view text, Ink ink) const {
  if (!colour_ || ink == Ink::plain || text.empty()) return std::string(text);
  return std::string(colour_code(ink)) + std::string(text) + "\x1b[0m";
}

std::string TextPage::left(std::string_view text, std::size_t width, Ink ink_of) const {
  return ink(text, ink_of) + padding(text, width);
}

std::string TextPage::right(std::string_view text, std::size_t width, Ink ink_of) const {
  return padding(text, width) + ink(text, ink_of);
}

std::string TextPage::bar(double share, std::size_t width) const {
  const double length = std::clamp(share, 0.0, 1.0) * static_cast<double>(width);
  if (length <= 0) return {};
  std::string bar;
  if (!utf8_) {
    const auto marks = static_cast<std::size_t>(std::round(length));
    bar.assign(std::max<std::size_t>(1, marks), '#');
    return ink(bar, Ink::bar);
  }
  // U+2588 is a full block, U+258F down to U+2589 are one to seven eighths.
  constexpr std::array<std::string_view, 8> eighths{"\u258f", "\u258f", "\u258e", "\u258d",
                                                    "\u258c", "\u258b", "\u258a", "\u2589"};
  auto parts = static_cast<std::size_t>(std::max(1.0, std::round(length * 8)));
  for (; parts >= 8; parts -= 8) bar += "\u2588";
  if (parts > 0) bar += eighths[parts];
  return ink(bar, Ink::bar);
}

void TextPage::line(std::string text) {
  while (!text.empty() && text.back() == ' ') text.pop_back();
  text_ += text;
  text_ += '\n';
}

void TextPage::items(std::string_view label, std::span<const std::string> items, std::size_t indent,
                     std::size_t gap, Ink label_ink) {
  std::string current = left(label, indent, label_ink);
  std::size_t width = indent;
  bool first = true;
  for (const std::string& item : items) {
    const std::size_t size = display_width(item);
    if (!first && width + gap + size > columns_) {
      line(std::move(current));
      current = std::string(indent, ' ');
      width = indent;
      first = true;
    }
    if (!first) {
      current.append(gap, ' ');
      width += gap;
    }
    current += item;
    width += size;
    first = false;
  }
  line(std::move(current));
}

void TextPage::paragraph(std::string_view label, std::string_view text, std::size_t indent,
                         Ink label_ink) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  items(label, words, indent, 1, label_ink);
}

}  // namespace netobs::report
