#include <fmt/format.h>

#include <algorithm>

#include "core/report/page/page_parts.hpp"

namespace netobs::report {
namespace {

/// The columns of a table of distributions: the quantiles, then the maximum.
constexpr std::array<std::size_t, 4> quantile_columns{0, 1, 2, 3};
constexpr std::size_t column_count = quantile_columns.size() + 1;

std::optional<std::int64_t> column_value(const Figures& figures, std::size_t column) {
  if (column < quantile_columns.size()) return figures.quantile[quantile_columns[column]];
  return figures.max;
}

std::string_view column_key(std::size_t column) {
  if (column < quantile_columns.size()) {
    return stats::quantile_table[quantile_columns[column]].key;
  }
  return "max";
}

std::string_view column_label(std::size_t column) {
  if (column < quantile_columns.size()) {
    return stats::quantile_table[quantile_columns[column]].label;
  }
  return "max";
}

/// Rows of one kind share a unit per column, so that they compare at a glance.
enum class Units : std::uint8_t { per_column, per_cell };

/// A distribution and where it stands in the JSON document.
struct Row {
  std::string label;
  std::string pointer;
  const std::optional<Figures>* figures = nullptr;
  std::string absence;  ///< shown instead of figures
};

std::array<TimeUnit, column_count> units_of(const std::vector<Row>& rows) {
  std::array<TimeUnit, column_count> units{};
  for (std::size_t column = 0; column < column_count; ++column) {
    std::vector<double> values;
    for (const Row& row : rows) {
      const auto value = *row.figures ? column_value(**row.figures, column) : std::nullopt;
      if (value) values.push_back(static_cast<double>(*value));
    }
    units[column] = unit_for(values);
  }
  return units;
}

void put_distribution_row(HtmlWriter& html, const Row& row, Units how,
                          const std::array<TimeUnit, column_count>& units,
                          const RunDocument* coverage_by) {
  html.open("tr");
  html.element("th", row.label, {{"scope", "row"}});
  if (!*row.figures) {
    html.element("td", row.absence,
                 {{"class", "absent"}, {"colspan", coverage_by == nullptr ? "5" : "6"}});
    html.close();
    return;
  }
  for (std::size_t column = 0; column < column_count; ++column) {
    html.open("td", {{"class", "number"}});
    const auto value = column_value(**row.figures, column);
    const TimeUnit unit = how == Units::per_column
                              ? readable_unit(units[column], value)
                              : unit_for({static_cast<double>(value.value_or(0))});
    put_duration(html, value, unit, fmt::format("{}/{}", row.pointer, column_key(column)));
    html.close();
  }
  if (coverage_by != nullptr) {
    const auto coverage = coverage_of(**row.figures, *coverage_by);
    html.element("td", coverage ? percent_floor(*coverage) : "--", {{"class", "number"}});
  }
  html.close();
}

void put_distributions(HtmlWriter& html, std::string_view title, const std::vector<Row>& rows,
                       Units how, const RunDocument* coverage_by) {
  html.open("div", {{"class", "scroll"}});
  html.open("table", {{"class", "figures"}});
  html.open("thead");
  html.open("tr");
  html.element("th", title, {{"scope", "col"}});
  for (std::size_t column = 0; column < column_count; ++column) {
    html.element("th", column_label(column), {{"scope", "col"}, {"class", "number"}});
  }
  if (coverage_by != nullptr) {
    html.element("th", "coverage", {{"scope", "col"}, {"class", "number"}});
  }
  html.close();
  html.close();
  html.open("tbody");
  const auto units = units_of(rows);
  for (const Row& row : rows) put_distribution_row(html, row, how, units, coverage_by);
  html.close();
  html.close();
  html.close();
}

void put_jitter(HtmlWriter& html, const stats::JitterValues& jitter) {
  struct Way {
    std::string_view label;
    std::string_view key;
    const std::optional<double>* value;
  };
  const std::array<Way, 3> ways{{{"round trip", "round_trip", &jitter.round_trip},
                                 {"out", "forward", &jitter.forward},
                                 {"back", "backward", &jitter.backward}}};
  if (std::ranges::none_of(ways, [](const Way& way) { return way.value->has_value(); })) return;
  html.open("p");
  html.text("Jitter (RFC 3550): ");
  bool first = true;
  for (const Way& way : ways) {
    if (!*way.value) continue;
    html.text(fmt::format("{}{} ", first ? "" : ", ", way.label));
    put_duration(html, *way.value, unit_for({**way.value}), fmt::format("/jitter_ns/{}", way.key));
    first = false;
  }
  html.text(".");
  html.close();
}

}  // namespace

void put_round_trips(HtmlWriter& html, const Summary& summary) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < stats::view_table.size(); ++i) {
    const stats::View& view = stats::view_table[i];
    if (!is_worth_a_row(summary, i)) continue;
    rows.push_back({std::string(view.label), fmt::format("/rtt_ns/{}", view.name), &summary.rtt[i],
                    summary.rtt[i] ? "" : absence_of(summary, view)});
  }
  put_distributions(html, "round trip", rows, Units::per_column, &summary.document);
}

void put_more_figures(HtmlWriter& html, const Summary& summary) {
  std::vector<Row> rows{
      {"late by, at the send call", "/send_error_ns", &summary.send_error, ""},
      {"round trip from the intended send time", "/rtt_intended_ns", &summary.rtt_intended, ""},
      {"delay variation, round trip (RFC 3393)", "/ipdv_ns/round_trip", &summary.ipdv, ""},
      {"delay variation, out", "/ipdv_ns/forward", &summary.ipdv_forward, ""},
      {"delay variation, back", "/ipdv_ns/backward", &summary.ipdv_backward, ""},
      {"above the minimum, round trip (RFC 5481)", "/pdv_ns/round_trip", &summary.pdv, ""},
      {"above the minimum, out", "/pdv_ns/forward", &summary.pdv_forward, ""},
      {"above the minimum, back", "/pdv_ns/backward", &summary.pdv_backward, ""}};
  std::erase_if(rows, [](const Row& row) { return !*row.figures; });
  if (rows.empty()) return;
  html.open("section", {{"id", "more"}});
  html.element("h2", "Variation and schedule");
  put_distributions(html, "figure", rows, Units::per_cell, nullptr);
  put_jitter(html, summary.document.jitter);
  html.close();
}

}  // namespace netobs::report
