#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "app/doctor.hpp"

namespace netobs::app {
namespace {

/// Words of `text` broken at spaces so that no line is longer than `width`.
std::vector<std::string> wrap(const std::string& text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width)
      lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  return lines;
}

void add_indented(std::string& page, const std::string& text, std::size_t indent) {
  constexpr std::size_t columns = 80;
  if (text.empty()) return;
  for (const auto& line : wrap(text, columns - indent)) {
    page += std::string(indent, ' ') + line + "\n";
  }
}

}  // namespace

std::string diagnosis_text(const Diagnosis& diagnosis) {
  constexpr std::size_t detail_indent = 36;
  std::string page = fmt::format("tried with real probes to {}\n\n", diagnosis.target);
  page += fmt::format("{:<11}{:<25}{:<7}{}\n", "host", "point", "works", "how, or why not");
  for (const auto& row : diagnosis.points) {
    page +=
        fmt::format("{:<11}{:<25}{}", name(row.host), name(row.point), row.works ? "yes" : "no");
    const auto lines = wrap(row.how, 80 - 43);
    page += std::string(row.works ? 4 : 5, ' ') + lines.front() + "\n";
    for (std::size_t i = 1; i < lines.size(); ++i) page += std::string(43, ' ') + lines[i] + "\n";
    add_indented(page, row.remedy.empty() ? "" : "-> " + row.remedy, detail_indent + 7);
  }
  page += "\nthis host\n";
  for (const auto& row : diagnosis.host) {
    const auto lines = wrap(row.value, 80 - 26);
    page += fmt::format("{} {:<23} {}\n", row.good ? " " : "!", row.key, lines.front());
    for (std::size_t i = 1; i < lines.size(); ++i) page += std::string(26, ' ') + lines[i] + "\n";
    add_indented(page, row.advice.empty() ? "" : "-> " + row.advice, 26);
  }
  return page;
}

std::string diagnosis_json(const Diagnosis& diagnosis) {
  nlohmann::ordered_json document;
  document["schema"] = "netobs.doctor/1";
  document["target"] = diagnosis.target;
  auto& points = document["points"] = nlohmann::ordered_json::array();
  for (const auto& row : diagnosis.points) {
    points.push_back({{"host", name(row.host)},
                      {"point", name(row.point)},
                      {"works", row.works},
                      {"captured", row.captured},
                      {"probes", row.probes},
                      {"how", row.how},
                      {"remedy", row.remedy}});
  }
  auto& host = document["environment"] = nlohmann::ordered_json::array();
  for (const auto& row : diagnosis.host) {
    host.push_back(
        {{"key", row.key}, {"value", row.value}, {"good", row.good}, {"advice", row.advice}});
  }
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace netobs::app
