#include <fmt/format.h>

#include <algorithm>

#include "core/report/format.hpp"
#include "core/report/renderer.hpp"
#include "core/report/text_page.hpp"

namespace netobs::report {
namespace {

constexpr std::size_t label_width = 10;

void put_head(TextPage& page, const Summary& summary) {
  const RunInfo& run = summary.document.run;
  page.paragraph("", what_over_what(run), 0);
  std::vector<std::string> items = how(run);
  items.push_back(run.started_at.substr(0, 19) + (run.started_at.size() > 19 ? "Z" : ""));
  page.items("", items, 0, 3);
  page.items("", probe_items(summary.document), 0, 3);
  page.blank();
}

/// The round trip's columns: four quantiles and the maximum.
struct Column {
  std::string_view title;
  std::optional<double> (*value)(const Figures&);
};

template <std::size_t quantile>
std::optional<double> quantile_of(const Figures& figures) {
  const auto& value = figures.quantile[quantile];
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

constexpr std::array<Column, 5> columns{{
    {"p50", quantile_of<0>},
    {"p90", quantile_of<1>},
    {"p99", quantile_of<2>},
    {"p99.9", quantile_of<3>},
    {"max", [](const Figures& f) { return std::optional(static_cast<double>(f.max)); }},
}};

std::string cell(std::optional<double> value, const TimeUnit& unit) {
  return value ? duration_text(*value, unit) : "--";
}

void put_round_trip(TextPage& page, const Summary& summary) {
  constexpr std::size_t name_width = 16;
  constexpr std::size_t cell_width = 10;
  std::string title = page.left("round trip", name_width, Ink::strong);
  std::array<TimeUnit, columns.size()> units{};
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::vector<double> values;
    for (const auto& figures : summary.rtt) {
      if (!figures) continue;
      if (const auto value = columns[c].value(*figures)) values.push_back(*value);
    }
    units[c] = unit_for(values);
    title += page.right(columns[c].title, cell_width, Ink::faint);
  }
  page.line(title + page.right("coverage", cell_width + 2, Ink::faint));
  for (std::size_t v = 0; v < stats::view_table.size(); ++v) {
    const std::string name = fmt::format("  {}", stats::view_table[v].label);
    const auto& figures = summary.rtt[v];
    if (!is_worth_a_row(summary, v)) continue;
    if (!figures) {
      page.paragraph(name, "-- " + absence_of(summary, stats::view_table[v]), name_width + 3);
      continue;
    }
    std::string row = page.left(name, name_width);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      row += page.right(cell(columns[c].value(*figures), units[c]), cell_width);
    }
    const auto coverage = coverage_of(*figures, summary.document);
    page.line(row + page.right(coverage ? percent_floor(*coverage) : "--", cell_width + 2));
  }
  page.blank();
}

/// The columns of the table of segments, in print order.
struct SegmentTable {
  TimeUnit p50;
  TimeUnit p99;
  double largest_share = 0;
};

SegmentTable table_of(const Summary& summary) {
  std::vector<double> p50;
  std::vector<double> p99;
  SegmentTable table{};
  for (const SegmentSummary& row : summary.segments) {
    if (!row.figures) continue;
    if (const auto value = row.figures->p50()) p50.push_back(static_cast<double>(*value));
    if (const auto value = row.figures->p99()) p99.push_back(static_cast<double>(*value));
    table.largest_share = std::max(table.largest_share, row.share.value_or(0));
  }
  table.p50 = unit_for(p50);
  table.p99 = unit_for(p99);
  return table;
}

constexpr std::size_t group_width = 13;
constexpr std::size_t segment_width = 24;
constexpr std::size_t bar_width = 7;
constexpr std::size_t number_width = 9;
constexpr std::size_t share_width = 7;

std::string segment_line(const TextPage& page, const Summary& summary, std::size_t index,
                         const SegmentTable& table) {
  const SegmentSummary& row = summary.segments[index];
  std::string line = page.left(
      short_name(row.segment, row.uncertainty_ns, segment_width - 1, page.utf8()), segment_width);
  if (!row.figures) return line + page.ink("-- never complete: see coverage", Ink::faint);
  const double relative = table.largest_share > 0 ? row.share.value_or(0) / table.largest_share : 0;
  const std::size_t marks =
      relative <= 0 ? 0
                    : std::max<std::size_t>(
                          1, static_cast<std::size_t>(relative * static_cast<double>(bar_width) +
                                                      (page.utf8() ? 0.9375 : 0.5)));
  line += page.bar(relative, bar_width);
  line += std::string(bar_width - std::min(bar_width, marks), ' ');
  const auto number = [](std::optional<std::int64_t> value) {
    return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
  };
  line += page.right(cell(number(row.figures->p50()), table.p50), number_width);
  line += page.right(cell(number(row.figures->p99()), table.p99), number_width);
  line += page.right(row.share ? percent_text(*row.share) : "--", share_width);
  if (summary.largest == index) line += page.ink(" <- largest", Ink::caution);
  return line;
}

void put_segments(TextPage& page, const Summary& summary) {
  if (summary.segments.empty() || summary.document.probes.received == 0) return;
  page.line(page.left("where the time goes", group_width + segment_width + bar_width, Ink::strong) +
            page.right("p50", number_width, Ink::faint) +
            page.right("p99", number_width, Ink::faint) +
            page.right("share", share_width, Ink::faint));
  const SegmentTable table = table_of(summary);
  std::string_view group;
  for (std::size_t i = 0; i < summary.segments.size(); ++i) {
    const std::string_view its = stats::place_of(summary.segments[i].segment.kind);
    page.line(page.left(its == group ? "" : fmt::format("  {}", its), group_width) +
              segment_line(page, summary, i, table));
    group = its;
  }
  page.blank();
}

void put_sample(TextPage& page, const Summary& summary) {
  const auto& figures = round_trip(summary);
  if (!figures) return;
  std::vector<std::string> bounds;
  for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
    const auto& interval = figures->confidence[i];
    if (!figures->quantile[i] || !interval) continue;
    bounds.push_back(fmt::format("{} {}", stats::quantile_table[i].label,
                                 range_text(interval->low, interval->high)));
  }
  std::vector<std::string> items{counted(figures->count, "answer")};
  if (!bounds.empty()) items.push_back(fmt::format("95 % sure: {}", fmt::join(bounds, ", ")));
  page.items("sample", items, label_width, 3);
}

void put_jitter(TextPage& page, const Summary& summary) {
  const stats::JitterValues& jitter = summary.document.jitter;
  std::vector<std::string> items;
  const auto add = [&](const std::optional<double>& value, std::string_view way) {
    if (value) items.push_back(fmt::format("{} {}", duration_text(*value), way));
  };
  add(jitter.round_trip, "round trip");
  add(jitter.forward, "out");
  add(jitter.backward, "back");
  if (items.empty()) return;
  items.back() += " (RFC 3550)";
  page.items("jitter", items, label_width, 3);
}

void put_quantiles(TextPage& page, std::string_view label, std::string_view lead,
                   const Figures& figures) {
  std::vector<std::string> items;
  const auto add = [&](std::string_view title, std::optional<std::int64_t> value) {
    if (value) items.push_back(fmt::format("{} {}", title, duration_text(*value)));
  };
  add("p50", figures.p50());
  add("p99", figures.p99());
  add("max", figures.max);
  items.front() = fmt::format("{} {}", lead, items.front());
  page.items(label, items, label_width, 3);
}

void put_nic_clocks(TextPage& page, const Summary& summary) {
  for (const NicClockInfo& nic : summary.document.nic_clocks) {
    page.items("NIC clock", nic_clock_items(nic, page.utf8()), label_width, 3);
  }
}

void put_checks(TextPage& page, const Summary& summary) {
  page.paragraph("layers", layers_text(summary), label_width);
  const auto& violations = summary.document.violations;
  const bool clean = is_sound(violations);
  page.items("checks", check_items(violations), label_width, 3, clean ? Ink::plain : Ink::alarm);
}

std::string report_command(const RunInfo& run, const StoreStatus& store) {
  // netobs.db is where `netobs report` looks by itself.
  const bool usual = store.url == "netobs.db" || store.url == "sqlite:netobs.db";
  return fmt::format("netobs report {}{}", run.id,
                     usual ? "" : fmt::format(" --store {}", store.url));
}

void put_end(TextPage& page, const RunDocument& document) {
  if (document.store.empty()) {
    page.paragraph("stored", "nowhere; --store netobs.db keeps every probe for netobs report",
                   label_width);
    return;
  }
  for (const StoreStatus& store : document.store) {
    std::string rows = counted(store.rows_written, "row");
    if (store.rows_spilled != 0) rows += fmt::format(", {} spilled", grouped(store.rows_spilled));
    if (store.rows_lost != 0) rows += fmt::format(", {} lost", grouped(store.rows_lost));
    page.paragraph("stored", fmt::format("{}, run {} ({})", store.url, document.run.id, rows),
                   label_width);
  }
  const std::vector<std::string> next{report_command(document.run, document.store.front()),
                                      "(also --html, --json, --markdown)"};
  page.items("next", next, label_width, 3);
}

}  // namespace

std::string render_text(const Summary& summary, const RenderStyle& style) {
  TextPage page(style);
  put_head(page, summary);
  put_round_trip(page, summary);
  put_segments(page, summary);
  put_sample(page, summary);
  put_jitter(page, summary);
  if (summary.send_error) put_quantiles(page, "sending", "late by", *summary.send_error);
  if (intended_differs(summary)) {
    put_quantiles(page, "on time", "from the intended send time:", *summary.rtt_intended);
  }
  put_nic_clocks(page, summary);
  put_checks(page, summary);
  for (const std::string& warning : summary.document.warnings) {
    page.paragraph("warning", warning, label_width, Ink::caution);
  }
  for (const std::string& note : summary.notes) {
    page.paragraph("note", note, label_width, Ink::caution);
  }
  put_end(page, summary.document);
  return page.take();
}

}  // namespace netobs::report
