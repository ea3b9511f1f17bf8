#include "core/report/page/page_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace netobs::report {
namespace {

constexpr std::string_view unbroken_blank = "\u00a0";
constexpr std::string_view micro_second = "\u00b5s";

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

bool is_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

/// A unit at the start of `text`: "us", "ns,", "%".
std::string_view unit_at(std::string_view text) {
  for (const std::string_view unit : {"us", "ns", "ms", "s", "%"}) {
    if (!text.starts_with(unit)) continue;
    if (text.size() == unit.size() || !is_letter(text[unit.size()])) return unit;
  }
  return {};
}

}  // namespace

std::string unbroken(std::string_view text) {
  std::string result;
  for (const char each : text) {
    if (each == ' ') {
      result += unbroken_blank;
    } else {
      result += each;
    }
  }
  return result;
}

std::string typeset(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool after_number = text[at] == ' ' && at > 0 && is_digit(text[at - 1]);
    const std::string_view rest = text.substr(at + 1);
    const std::string_view unit = after_number ? unit_at(rest) : std::string_view();
    const bool group = after_number && !rest.empty() && is_digit(rest.front());
    if (unit.empty() && !group) {
      result += text[at];
      continue;
    }
    result += unbroken_blank;
    result += unit == "us" ? micro_second : unit;
    at += unit.size();
  }
  return result;
}

void put_prose(HtmlWriter& html, std::string_view text) {
  const std::string sentence = typeset(text);
  for (std::size_t at = 0; at < sentence.size();) {
    const std::size_t end = std::min(sentence.find(' ', at), sentence.size());
    const std::string_view word = std::string_view(sentence).substr(at, end - at);
    if (word.starts_with("--") && word.size() > 2) {
      html.element("span", word, {{"class", "option"}});
    } else {
      html.text(word);
    }
    if (end < sentence.size()) html.text(" ");
    at = end + 1;
  }
}

std::string page_duration(double ns, const TimeUnit& unit) {
  const TimeUnit shown{unit.name == "us" ? micro_second : unit.name, unit.per_unit_ns};
  return unbroken(duration_text(ns, shown));
}

std::string page_duration(double ns) {
  return page_duration(ns, unit_for({ns}));
}

TimeUnit readable_unit(const TimeUnit& of_column, std::optional<std::int64_t> ns) {
  const double value = std::fabs(static_cast<double>(ns.value_or(0))) / of_column.per_unit_ns;
  constexpr double least = 0.1;
  constexpr double most = 1000;
  const bool readable = value == 0 || (value >= least && value < most);
  return readable ? of_column : unit_for({static_cast<double>(*ns)});
}

void put_duration(HtmlWriter& html, std::optional<std::int64_t> ns, const TimeUnit& unit,
                  const std::string& pointer) {
  if (!ns) return html.text("--");
  html.element("data", page_duration(static_cast<double>(*ns), unit),
               {{"value", fmt::format("{}", *ns)}, {"data-of", pointer}});
}

void put_duration(HtmlWriter& html, std::optional<double> ns, const TimeUnit& unit,
                  const std::string& pointer) {
  if (!ns) return html.text("--");
  html.element("data", page_duration(*ns, unit),
               {{"value", fmt::format("{}", *ns)}, {"data-of", pointer}});
}

void open_place(HtmlWriter& html, std::string_view place, std::string_view columns) {
  html.open("tr", {{"class", "group"}});
  html.open("th", {{"colspan", std::string(columns)}, {"scope", "rowgroup"}});
  html.open("svg", {{"class", "key"}, {"aria-hidden", "true"}});
  html.element("rect", "",
               {{"class", fmt::format("piece {}", place)},
                {"width", "100%"},
                {"height", "100%"},
                {"rx", "2"}});
  html.close();
  html.element("span", place);
}

void put_count(HtmlWriter& html, std::uint64_t count, const std::string& pointer) {
  html.element("data", unbroken(grouped(count)),
               {{"value", fmt::format("{}", count)}, {"data-of", pointer}});
}

}  // namespace netobs::report
