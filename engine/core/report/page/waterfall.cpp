#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/report/page/page_parts.hpp"

namespace netobs::report {
namespace {

constexpr double least_width = 0.6;  // percent: what takes time at all is seen

std::string percent(double value) {
  return fmt::format("{:.2f}%", std::clamp(value, 0.0, 100.0));
}

/// The scales of the two charts beside the names, from the segments that have figures.
struct Scales {
  double total = 0;  ///< of the means, ns: the round trip's mean
  int low_log = 0;   ///< log10 of the shortest p50, down to a power of ten
  int high_log = 1;  ///< log10 of the longest p99, up to a power of ten
  TimeUnit p50{"ns", 1};
  TimeUnit p99{"ns", 1};
};

double log_of(std::int64_t ns) {
  return std::log10(static_cast<double>(std::max<std::int64_t>(ns, 1)));
}

Scales scales_of(const Summary& summary) {
  Scales scales;
  std::vector<double> p50;
  std::vector<double> p99;
  double low = 19;
  double high = 0;
  for (const SegmentSummary& row : summary.segments) {
    if (!row.figures) continue;
    scales.total += std::max(0.0, row.figures->mean);
    const std::int64_t middle = row.figures->p50().value_or(row.figures->min);
    const std::int64_t late = row.figures->p99().value_or(row.figures->max);
    p50.push_back(static_cast<double>(middle));
    p99.push_back(static_cast<double>(late));
    low = std::min(low, log_of(middle));
    high = std::max(high, log_of(late));
  }
  scales.low_log = static_cast<int>(std::floor(std::min(low, high)));
  scales.high_log = std::max(static_cast<int>(std::ceil(high)), scales.low_log + 1);
  scales.p50 = unit_for(p50);
  scales.p99 = unit_for(p99);
  return scales;
}

double along(const Scales& scales, std::int64_t ns) {
  return 100 * (log_of(ns) - scales.low_log) / (scales.high_log - scales.low_log);
}

/// Where the piece lies in the round trip: its mean, after the means before it.
void put_way(HtmlWriter& html, const Scales& scales, std::string_view place, double before,
             double mean) {
  html.open("td", {{"class", "way"}});
  html.open("svg", {{"aria-hidden", "true"}});
  const double start = scales.total > 0 ? 100 * before / scales.total : 0;
  const double width = scales.total > 0 ? 100 * std::max(0.0, mean) / scales.total : 0;
  const double shown = mean > 0 ? std::max(width, least_width) : 0;
  const double x = std::min(start, 100 - shown);
  for (const double mark : {0.0, 25.0, 50.0, 75.0, 100.0}) {
    html.element("line", "",
                 {{"class", "grid"},
                  {"x1", percent(mark)},
                  {"x2", percent(mark)},
                  {"y1", "0"},
                  {"y2", "100%"}});
  }
  html.element("rect", "",
               {{"class", fmt::format("piece {}", place)},
                {"x", percent(x)},
                {"width", percent(shown)},
                {"y", "15%"},
                {"height", "70%"},
                {"rx", "2"}});
  html.close();
  html.close();
}

/// From the median to p99 on a logarithmic axis.
void put_spread(HtmlWriter& html, const Scales& scales, std::string_view place,
                const Figures& figures) {
  html.open("td", {{"class", "spread"}});
  html.open("svg", {{"aria-hidden", "true"}});
  for (int decade = scales.low_log; decade <= scales.high_log; ++decade) {
    const double x = 100.0 * (decade - scales.low_log) / (scales.high_log - scales.low_log);
    html.element(
        "line", "",
        {{"class", "grid"}, {"x1", percent(x)}, {"x2", percent(x)}, {"y1", "0"}, {"y2", "100%"}});
  }
  const std::string from = percent(along(scales, figures.p50().value_or(figures.min)));
  const std::string to = percent(along(scales, figures.p99().value_or(figures.max)));
  const std::string ink = fmt::format("range {}", place);
  html.element("line", "",
               {{"class", ink}, {"x1", from}, {"x2", to}, {"y1", "50%"}, {"y2", "50%"}});
  html.element("line", "", {{"class", ink}, {"x1", to}, {"x2", to}, {"y1", "25%"}, {"y2", "75%"}});
  html.element(
      "circle", "",
      {{"class", fmt::format("middle {}", place)}, {"cx", from}, {"cy", "50%"}, {"r", "4"}});
  html.close();
  html.close();
}

void put_segment(HtmlWriter& html, const Summary& summary, std::size_t index, const Scales& scales,
                 double before) {
  const SegmentSummary& row = summary.segments[index];
  const std::string place(stats::place_of(row.segment.kind));
  const std::string pointer = fmt::format("/segments/{}", index);
  constexpr std::size_t any_width = 60;
  html.open("tr", {{"class", summary.largest == index ? "largest" : ""}});
  html.element("th", short_name(row.segment, row.uncertainty_ns, any_width, true),
               {{"scope", "row"}});
  if (!row.figures) {
    html.element("td", "never complete: see coverage", {{"class", "absent"}, {"colspan", "5"}});
    html.close();
    return;
  }
  put_way(html, scales, place, before, row.figures->mean);
  put_spread(html, scales, place, *row.figures);
  html.open("td", {{"class", "number"}});
  put_duration(html, row.figures->p50(), readable_unit(scales.p50, row.figures->p50()),
               pointer + "/p50");
  html.close();
  html.open("td", {{"class", "number"}});
  put_duration(html, row.figures->p99(), readable_unit(scales.p99, row.figures->p99()),
               pointer + "/p99");
  html.close();
  html.open("td", {{"class", "number"}});
  if (row.share) {
    html.element("data", unbroken(percent_text(*row.share)),
                 {{"value", fmt::format("{}", *row.share)}, {"data-of", pointer + "/share"}});
  } else {
    html.text("--");
  }
  html.close();
  html.close();
}

/// Neighbouring segments of one place make a group under a heading of its own.
double share_of_group(const Summary& summary, std::size_t first) {
  const auto place = stats::place_of(summary.segments[first].segment.kind);
  double share = 0;
  for (std::size_t i = first; i < summary.segments.size(); ++i) {
    if (stats::place_of(summary.segments[i].segment.kind) != place) break;
    share += summary.segments[i].share.value_or(0);
  }
  return share;
}

void put_group(HtmlWriter& html, const Summary& summary, std::size_t first) {
  const std::string place(stats::place_of(summary.segments[first].segment.kind));
  open_place(html, place, "6");
  html.element("small", unbroken(percent_text(share_of_group(summary, first))));
  html.close();
  html.close();
}

void put_axis_label(HtmlWriter& html, std::string_view text, double at) {
  const std::string anchor = at <= 0 ? "start" : at >= 100 ? "end" : "middle";
  html.element("text", text, {{"x", percent(at)}, {"y", "13"}, {"text-anchor", anchor}});
}

/// 10 to the power of `log` nanoseconds: "10 us" with the micro sign.
std::string decade_name(int log) {
  constexpr std::array<std::string_view, 4> units{"ns", "\u00b5s", "ms", "s"};
  constexpr int decades_per_unit = 3;
  const int unit = std::clamp(log / decades_per_unit, 0, static_cast<int>(units.size()) - 1);
  return fmt::format("{:.0f}\u00a0{}", std::pow(10, log - decades_per_unit * unit),
                     units[static_cast<std::size_t>(unit)]);
}

void put_axes(HtmlWriter& html, const Scales& scales) {
  html.open("tfoot");
  html.open("tr");
  html.element("td", "");
  html.open("td", {{"class", "way"}});
  html.open("svg");
  put_axis_label(html, "0", 0);
  put_axis_label(html, page_duration(scales.total / 2), 50);
  put_axis_label(html, page_duration(scales.total), 100);
  html.close();
  html.close();
  html.open("td", {{"class", "spread"}});
  html.open("svg");
  const int decades = scales.high_log - scales.low_log;
  constexpr int most_labels = 4;
  const int step = (decades + most_labels - 1) / most_labels;
  for (int decade = 0; decade <= decades; decade += step) {
    put_axis_label(html, decade_name(scales.low_log + decade), 100.0 * decade / decades);
  }
  html.close();
  html.close();
  html.element("td", "", {{"colspan", "3"}});
  html.close();
  html.close();
}

void put_column_heads(HtmlWriter& html) {
  html.open("thead");
  html.open("tr");
  html.element("th", "segment", {{"scope", "col"}});
  html.element("th", "mean, one after the other", {{"scope", "col"}, {"class", "way"}});
  html.element("th", "p50 to p99, logarithmic", {{"scope", "col"}, {"class", "spread"}});
  for (const char* title : {"p50", "p99", "share"}) {
    html.element("th", title, {{"scope", "col"}, {"class", "number"}});
  }
  html.close();
  html.close();
}

}  // namespace

void put_waterfall(HtmlWriter& html, const Summary& summary) {
  if (summary.segments.empty() || summary.document.probes.received == 0) return;
  const Scales scales = scales_of(summary);
  html.open("section", {{"id", "waterfall"}});
  html.element("h2", "Where the time goes");
  html.element(
      "p",
      fmt::format(
          "A probe passes these segments from top to bottom, on both hosts. Their means add up "
          "to the mean round trip of the {}, so the bars stand where in the round trip the "
          "time was spent.",
          stats::view_table[summary.primary].label),
      {{"class", "lead"}});
  html.open("table", {{"class", "waterfall"}});
  put_column_heads(html);
  double before = 0;
  std::string_view place;
  html.open("tbody");
  for (std::size_t i = 0; i < summary.segments.size(); ++i) {
    const auto its = stats::place_of(summary.segments[i].segment.kind);
    if (its != place) put_group(html, summary, i);
    place = its;
    put_segment(html, summary, i, scales, before);
    const auto& figures = summary.segments[i].figures;
    before += figures ? std::max(0.0, figures->mean) : 0;
  }
  html.close();
  put_axes(html, scales);
  html.close();
  html.close();
}

}  // namespace netobs::report
