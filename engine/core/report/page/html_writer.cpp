#include "core/report/page/html_writer.hpp"

#include <algorithm>
#include <array>

#include "core/base/check.hpp"

namespace netobs::report {
namespace {

/// A line end after them would show as a blank.
bool is_inline(std::string_view element) {
  constexpr std::array<std::string_view, 3> inlines{"data", "small", "span"};
  return std::ranges::find(inlines, element) != inlines.end();
}

}  // namespace

std::string html_escaped(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char each : text) {
    switch (each) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += each;
    }
  }
  return escaped;
}

std::string json_for_script(std::string_view json) {
  // These characters occur in JSON only within strings, where an escape means the same.
  constexpr std::string_view line_separator = "\u2028";
  constexpr std::string_view paragraph_separator = "\u2029";
  std::string safe;
  safe.reserve(json.size());
  for (std::size_t at = 0; at < json.size(); ++at) {
    const std::string_view rest = json.substr(at);
    const bool line = rest.starts_with(line_separator);
    if (line || rest.starts_with(paragraph_separator)) {
      safe += line ? "\\u2028" : "\\u2029";
      at += line_separator.size() - 1;
    } else if (rest.front() == '<') {
      safe += "\\u003c";
    } else if (rest.front() == '>') {
      safe += "\\u003e";
    } else if (rest.front() == '&') {
      safe += "\\u0026";
    } else {
      safe += rest.front();
    }
  }
  return safe;
}

void HtmlWriter::tag(std::string_view element, Attributes attributes) {
  html_ += '<';
  html_ += element;
  for (const Attribute& each : attributes) {
    html_ += ' ';
    html_ += each.name;
    html_ += "=\"";
    html_ += html_escaped(each.value);
    html_ += '"';
  }
  html_ += '>';
}

void HtmlWriter::open(std::string_view element, Attributes attributes) {
  tag(element, attributes);
  open_.emplace_back(element);
}

void HtmlWriter::close() {
  NETOBS_CHECK(!open_.empty(), "no element is open");
  html_ += "</" + open_.back() + ">";
  if (!is_inline(open_.back())) html_ += '\n';
  open_.pop_back();
}

void HtmlWriter::text(std::string_view text) {
  html_ += html_escaped(text);
}

void HtmlWriter::element(std::string_view element, std::string_view text, Attributes attributes) {
  open(element, attributes);
  this->text(text);
  close();
}

void HtmlWriter::empty(std::string_view element, Attributes attributes) {
  tag(element, attributes);
}

}  // namespace netobs::report
