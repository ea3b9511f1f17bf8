#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/compare/render.hpp"

namespace netobs::compare {
namespace {

using Json = nlohmann::ordered_json;

Json range_json(const std::optional<Range>& range) {
  return range ? Json::array({range->low, range->high}) : Json(nullptr);
}

Json metric_json(const MetricResult& result) {
  const auto pct = result.change_pct();
  return {{"name", result.name},
          {"kind", name(result.kind)},
          {"label", result.label},
          {"host", result.place},
          {"statistic", name(result.statistic)},
          {"base", result.base},
          {"new", result.next},
          {"change", result.shift.estimate},
          {"ci", range_json(result.shift.interval)},
          {"change_pct", pct ? Json(*pct) : Json(nullptr)},
          {"ci_pct", range_json(result.interval_pct())},
          {"effect_size", result.shift.effect},
          {"p_value", result.shift.p_value},
          {"p_adjusted", result.p_adjusted},
          {"threshold", result.threshold},
          {"base_blocks", result.base_blocks},
          {"new_blocks", result.new_blocks},
          {"verdict", name(result.verdict)}};
}

Json name_or_null(const MetricResult* result) {
  return result != nullptr ? Json(result->name) : Json(nullptr);
}

std::string escaped(std::string_view text, std::string_view special, std::string (*escape)(char)) {
  std::string out;
  for (const char each : text) {
    if (special.find(each) == std::string_view::npos) {
      out += each;
    } else {
      out += escape(each);
    }
  }
  return out;
}

/// A file's or a command's name may hold anything that Markdown takes for markup.
std::string markdown(std::string_view text) {
  return escaped(text, R"(\`*_[]<>#|~@&)",
                 [](char each) { return fmt::format("&#{};", static_cast<int>(each)); });
}

std::string xml(std::string_view text) {
  return escaped(text, "&<>\"'",
                 [](char each) { return fmt::format("&#{};", static_cast<int>(each)); });
}

std::string full_label(const MetricResult& result) {
  std::string text = result.place.empty() ? "" : result.place + ": ";
  text += result.label;
  if (const auto part = name(result.statistic); !part.empty()) text += fmt::format(", {}", part);
  return text;
}

std::string markdown_rows(const Comparison& comparison, bool changed) {
  std::string rows;
  for (const auto& result : comparison.metrics) {
    const bool differs = result.verdict == Verdict::worse || result.verdict == Verdict::better;
    if (differs != changed) continue;
    const Cells cells = cells_of(result);
    const auto verdict = result.verdict == Verdict::worse ? "**worse**" : words(result.verdict);
    rows += fmt::format("| {} | {} | {} | {} | {} | {:.2g} | {} |\n", markdown(full_label(result)),
                        cells.base, cells.next, cells.change, cells.interval, result.p_adjusted,
                        verdict);
  }
  return rows;
}

constexpr std::string_view markdown_head =
    "| metric | base | new | change | 95 % sure | p | verdict |\n"
    "|---|--:|--:|--:|--:|--:|---|\n";

std::string junit_case(const MetricResult& result) {
  const Cells cells = cells_of(result);
  const auto facts = fmt::format("{} -> {}, {} (95 % sure: {}), p {:.3g}", cells.base, cells.next,
                                 cells.change, cells.interval, result.p_adjusted);
  auto text = fmt::format(R"(    <testcase classname="netobs.{}" name="{}")", name(result.kind),
                          xml(result.name));
  switch (result.verdict) {
    case Verdict::worse:
      return text +
             fmt::format(">\n      <failure message=\"{} is worse: {}\"/>\n    </testcase>\n",
                         xml(full_label(result)), xml(facts));
    case Verdict::not_enough_data:
      return text + fmt::format(
                        ">\n      <skipped message=\"not enough data: {}\"/>\n    "
                        "</testcase>\n",
                        xml(facts));
    case Verdict::same:
    case Verdict::better:
      break;
  }
  return text + fmt::format(">\n      <system-out>{}</system-out>\n    </testcase>\n", xml(facts));
}

}  // namespace

std::string render_json(const Comparison& comparison, const report::RenderStyle& /*style*/) {
  Json json{{"schema", "netobs.compare/1"},
            {"design", name(comparison.settings.design)},
            {"alpha", comparison.settings.alpha},
            {"base", comparison.base_title},
            {"new", comparison.new_title}};
  auto& metrics = json["metrics"] = Json::array();
  for (const auto& result : comparison.metrics) metrics.push_back(metric_json(result));
  json["headline"] = name_or_null(comparison.headline());
  json["culprit"] = name_or_null(comparison.culprit());
  json["notes"] = comparison.notes;
  json["summary"] = sentence(comparison);
  json["verdict"] = name(comparison.verdict);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string render_markdown(const Comparison& comparison, const report::RenderStyle& /*style*/) {
  auto text = fmt::format("### Net Obs: {}\n\n{}\n\n", words(comparison.verdict),
                          markdown(sentence(comparison)));
  if (const auto changed = markdown_rows(comparison, true); !changed.empty()) {
    text += fmt::format("{}{}\n", markdown_head, changed);
  }
  for (const auto& note : comparison.notes) text += fmt::format("> {}\n\n", markdown(note));
  text +=
      fmt::format("<details><summary>{}</summary>\n\nbase: {}\n\nnew: {}\n\n{}{}\n</details>\n",
                  tally(comparison), markdown(comparison.base_title),
                  markdown(comparison.new_title), markdown_head, markdown_rows(comparison, false));
  return text;
}

std::string render_junit(const Comparison& comparison, const report::RenderStyle& /*style*/) {
  const auto count = [&](Verdict verdict) {
    return std::ranges::count(comparison.metrics, verdict, &MetricResult::verdict);
  };
  auto text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
      "  <testsuite name=\"netobs.compare\" tests=\"{}\" failures=\"{}\" errors=\"0\" "
      "skipped=\"{}\">\n",
      comparison.metrics.size(), count(Verdict::worse), count(Verdict::not_enough_data));
  for (const auto& result : comparison.metrics) text += junit_case(result);
  return text + fmt::format("    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>\n",
                            xml(sentence(comparison)));
}

}  // namespace netobs::compare
