#include "core/compare/render_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/compare/render.hpp"
#include "core/report/format.hpp"
#include "core/report/page/chart_data.hpp"
#include "core/report/page/frame.hpp"
#include "core/report/page/page_parts.hpp"

namespace netobs::compare {
namespace {

using report::HtmlWriter;

/// Words of a verdict as a class of the style sheet: a mark beside the word, not colour alone.
std::string verdict_class(Verdict verdict) {
  return fmt::format("verdict-{}", name(verdict));
}

void put_head(HtmlWriter& html, const Comparison& comparison) {
  html.open("header");
  html.element("p", "Net Obs comparison", {{"class", "brand"}});
  std::string title = words(comparison.verdict);
  if (!title.empty()) title.front() = static_cast<char>(title.front() - ('a' - 'A'));
  html.element("h1", title, {{"class", verdict_class(comparison.verdict)}});
  std::string reason = sentence(comparison);
  const std::string opening = title + ": ";
  if (reason.starts_with(opening)) reason.erase(0, opening.size());
  html.element("p", report::typeset(reason), {{"class", "verdict"}, {"id", "verdict"}});
  html.open("dl", {{"class", "sides"}});
  for (const auto& [side, text] :
       {std::pair("base", &comparison.base_title), std::pair("new", &comparison.new_title)}) {
    html.open("div");
    html.element("dt", side);
    html.element("dd", report::typeset(*text));
    html.close();
  }
  html.close();
  if (!comparison.notes.empty()) {
    html.open("ul", {{"class", "notes"}});
    for (const std::string& each : comparison.notes) {
      html.open("li");
      report::put_prose(html, each);
      html.close();
    }
    html.close();
  }
  html.close();
}

void put_value(HtmlWriter& html, double value, const std::string& text,
               const std::string& pointer) {
  html.open("td", {{"class", "number"}});
  html.element("data", report::unbroken(report::typeset(text)),
               {{"value", fmt::format("{}", value)}, {"data-of", pointer}});
  html.close();
}

void put_metric(HtmlWriter& html, const MetricResult& result, std::size_t index) {
  const Cells cells = cells_of(result);
  const std::string pointer = fmt::format("/comparison/metrics/{}", index);
  html.open("tr");
  std::string label = result.place.empty() ? "" : fmt::format("{}: ", result.place);
  label += result.label;
  html.element("th", label, {{"scope", "row"}});
  html.element("td", name(result.statistic));
  html.element("td", words(result.verdict),
               {{"class", fmt::format("outcome {}", verdict_class(result.verdict))}});
  put_value(html, result.base, cells.base, pointer + "/base");
  put_value(html, result.next, cells.next, pointer + "/new");
  html.element("td", report::unbroken(report::typeset(cells.change)), {{"class", "number"}});
  html.element("td", report::unbroken(report::typeset(cells.interval)), {{"class", "number"}});
  html.element("td", fmt::format("{:.2g}", result.p_adjusted), {{"class", "number"}});
  html.close();
}

bool is_change(const MetricResult& result) {
  return result.verdict == Verdict::worse || result.verdict == Verdict::better;
}

void put_metrics(HtmlWriter& html, const Comparison& comparison, bool changed) {
  html.open("div", {{"class", "scroll"}});
  html.open("table", {{"class", "figures metrics"}});
  html.open("thead");
  html.open("tr");
  html.element("th", "metric", {{"scope", "col"}});
  html.element("th", "", {{"scope", "col"}});
  html.element("th", "verdict", {{"scope", "col"}});
  for (const char* title : {"base", "new", "change", "95 % sure", "p"}) {
    html.element("th", title, {{"scope", "col"}, {"class", "number"}});
  }
  html.close();
  html.close();
  html.open("tbody");
  for (std::size_t i = 0; i < comparison.metrics.size(); ++i) {
    if (is_change(comparison.metrics[i]) == changed) put_metric(html, comparison.metrics[i], i);
  }
  html.close();
  html.close();
  html.close();
}

void put_verdicts(HtmlWriter& html, const Comparison& comparison) {
  html.open("section", {{"id", "verdicts"}});
  html.element("h2", "What changed");
  html.element("p",
               fmt::format("{} of all metrics. A change counts when it is real and large "
                           "enough to matter.",
                           tally(comparison)),
               {{"class", "lead"}});
  const bool any = std::ranges::any_of(comparison.metrics, is_change);
  if (any) put_metrics(html, comparison, true);
  html.open("details");
  html.element("summary", "All other metrics");
  put_metrics(html, comparison, false);
  html.close();
  html.close();
}

/// A segment of either run; both where its key is the same.
struct SegmentPair {
  std::string label;
  std::string place;
  const report::SegmentSummary* base = nullptr;
  const report::SegmentSummary* next = nullptr;
  std::size_t base_index = 0;
  std::size_t next_index = 0;
};

std::vector<SegmentPair> pairs_of(const report::Summary& base, const report::Summary& next) {
  std::vector<SegmentPair> pairs;
  std::map<std::string, std::size_t> place_of_key;
  const auto add = [&](const report::Summary& summary, bool is_base) {
    for (std::size_t i = 0; i < summary.segments.size(); ++i) {
      const report::SegmentSummary& row = summary.segments[i];
      const auto [at, fresh] = place_of_key.emplace(row.segment.key(), pairs.size());
      constexpr std::size_t any_width = 60;
      if (fresh) {
        pairs.push_back(
            {.label = report::short_name(row.segment, row.uncertainty_ns, any_width, true),
             .place = std::string(stats::place_of(row.segment.kind))});
      }
      SegmentPair& pair = pairs[at->second];
      (is_base ? pair.base : pair.next) = &row;
      (is_base ? pair.base_index : pair.next_index) = i;
    }
  };
  add(base, true);
  add(next, false);
  return pairs;
}

std::optional<std::int64_t> p50_of(const report::SegmentSummary* row) {
  return row != nullptr && row->figures ? row->figures->p50() : std::nullopt;
}

std::optional<std::int64_t> p99_of(const report::SegmentSummary* row) {
  return row != nullptr && row->figures ? row->figures->p99() : std::nullopt;
}

/// The base above, the new run below, from zero to the largest median of all.
void put_bars(HtmlWriter& html, const SegmentPair& pair, double largest) {
  html.open("td", {{"class", "way"}});
  html.open("svg", {{"aria-hidden", "true"}});
  const auto bar = [&](const report::SegmentSummary* row, std::string_view kind, const char* y) {
    const auto p50 = static_cast<double>(p50_of(row).value_or(0));
    constexpr double least = 0.6;  // per cent: what takes time at all is seen
    const double width = p50 > 0 ? std::clamp(100 * p50 / largest, least, 100.0) : 0;
    html.element("rect", "",
                 {{"class", fmt::format("piece {}", kind)},
                  {"x", "0"},
                  {"y", y},
                  {"width", fmt::format("{:.2f}%", width)},
                  {"height", "38%"},
                  {"rx", "2"}});
  };
  bar(pair.base, "before", "10%");
  bar(pair.next, pair.place, "52%");
  html.close();
  html.close();
}

void put_pair(HtmlWriter& html, const SegmentPair& pair, double largest,
              const report::TimeUnit& p50, const report::TimeUnit& p99) {
  html.open("tr");
  html.element("th", pair.label, {{"scope", "row"}});
  put_bars(html, pair, largest);
  const auto number = [&](std::optional<std::int64_t> ns, const report::TimeUnit& unit,
                          const std::string& pointer) {
    html.open("td", {{"class", "number"}});
    report::put_duration(html, ns, report::readable_unit(unit, ns), pointer);
    html.close();
  };
  const std::string base = fmt::format("/runs/0/report/segments/{}", pair.base_index);
  const std::string next = fmt::format("/runs/1/report/segments/{}", pair.next_index);
  number(p50_of(pair.base), p50, base + "/p50");
  number(p50_of(pair.next), p50, next + "/p50");
  number(p99_of(pair.base), p99, base + "/p99");
  number(p99_of(pair.next), p99, next + "/p99");
  html.close();
}

void put_pair_heads(HtmlWriter& html) {
  html.open("thead");
  html.open("tr");
  html.element("th", "segment", {{"scope", "col"}});
  html.element("th", "p50: base above, new below", {{"scope", "col"}, {"class", "way"}});
  for (const char* title : {"p50 base", "p50 new", "p99 base", "p99 new"}) {
    html.element("th", title, {{"scope", "col"}, {"class", "number"}});
  }
  html.close();
  html.close();
}

void put_segments(HtmlWriter& html, const report::Summary& base, const report::Summary& next) {
  const auto pairs = pairs_of(base, next);
  if (pairs.empty()) return;
  std::vector<double> p50;
  std::vector<double> p99;
  for (const SegmentPair& pair : pairs) {
    for (const auto* row : {pair.base, pair.next}) {
      if (const auto ns = p50_of(row)) p50.push_back(static_cast<double>(*ns));
      if (const auto ns = p99_of(row)) p99.push_back(static_cast<double>(*ns));
    }
  }
  const double largest = p50.empty() ? 0 : std::ranges::max(p50);
  html.open("section", {{"id", "segments"}});
  html.element("h2", "Where the time goes, in both");
  html.open("table", {{"class", "waterfall pairs"}});
  put_pair_heads(html);
  html.open("tbody");
  std::string place;
  for (const SegmentPair& pair : pairs) {
    if (pair.place != place) {
      report::open_place(html, pair.place, "6");
      html.close();
      html.close();
    }
    place = pair.place;
    put_pair(html, pair, largest, report::unit_for(p50), report::unit_for(p99));
  }
  html.close();
  html.close();
  html.close();
}

void put_charts(HtmlWriter& html) {
  html.open("section", {{"id", "round-trip"}});
  html.element("h2", "Round trip");
  report::put_chart(html, "percentiles", "Percentiles",
                    "The base is dashed. Each step to the right leaves out ten times fewer.");
  report::put_chart(html, "histogram", "Histogram",
                    "Share of the answers per step of latency; the base is dashed.");
  report::put_chart(html, "over-time", "Over time",
                    "The medians as lines, from minimum to maximum as areas, loss as marks above; "
                    "each run from its own start.");
  html.close();
}

std::map<std::string, std::string> environment_of(const report::Summary& summary) {
  std::map<std::string, std::string> rows{{"command", summary.document.run.command_line},
                                          {"link", summary.document.run.link},
                                          {"schedule", summary.document.run.schedule}};
  for (const auto& entry : summary.document.environment) {
    rows[entry.key] =
        std::visit([](const auto& value) { return fmt::format("{}", value); }, entry.value);
  }
  return rows;
}

/// What differs between the runs comes first: it may be the reason.
void put_environments(HtmlWriter& html, const report::Summary& base, const report::Summary& next) {
  const auto before = environment_of(base);
  auto after = environment_of(next);
  html.open("section", {{"id", "environment"}});
  html.element("h2", "Environment");
  html.open("div", {{"class", "scroll"}});
  html.open("table", {{"class", "figures environments"}});
  html.open("thead");
  html.open("tr");
  for (const char* title : {"", "base", "new"}) html.element("th", title, {{"scope", "col"}});
  html.close();
  html.close();
  html.open("tbody");
  auto keys = before;
  keys.insert(after.begin(), after.end());
  for (const bool differing : {true, false}) {
    for (const auto& [key, unused] : keys) {
      const auto left = before.contains(key) ? before.at(key) : std::string("--");
      const auto right = after.contains(key) ? after.at(key) : std::string("--");
      if ((left != right) != differing) continue;
      html.open("tr", {{"class", differing ? "differs" : ""}});
      html.element("th", key, {{"scope", "row"}});
      html.element("td", left);
      html.element("td", right);
      html.close();
    }
  }
  html.close();
  html.close();
  html.close();
  html.close();
}

}  // namespace

std::string render_page(const Comparison& comparison, const report::PageData* base,
                        const report::PageData* next) {
  HtmlWriter html;
  report::begin_page(html, fmt::format("{} \u2013 Net Obs comparison", words(comparison.verdict)));
  put_head(html, comparison);
  put_verdicts(html, comparison);
  std::string runs;
  if (base != nullptr && next != nullptr) {
    put_segments(html, base->summary, next->summary);
    put_charts(html);
    put_environments(html, base->summary, next->summary);
    runs = report::chart_data(*base, "base") + "," + report::chart_data(*next, "new");
  }
  report::end_page(
      html, fmt::format(R"({{"runs":[{}],"comparison":{}}})", runs, render_json(comparison, {})));
  return html.take();
}

}  // namespace netobs::compare
