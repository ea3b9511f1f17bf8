#include <fmt/format.h>

#include "core/report/format.hpp"
#include "core/report/renderer.hpp"

namespace netobs::report {
namespace {

/// Keeps text from being read as markup or from ending a table cell.
std::string escaped(std::string_view text) {
  std::string safe;
  for (const char each : text) {
    if (std::string_view("\\`*_[]<>|#").find(each) != std::string_view::npos) safe += '\\';
    safe += each;
  }
  return safe;
}

std::string code(std::string_view text) {
  std::string safe;
  for (const char each : text) safe += each == '`' || each == '|' ? '?' : each;
  return fmt::format("`{}`", safe);
}

std::string cell(std::optional<std::int64_t> ns) {
  return ns ? duration_text(*ns) : "--";
}

std::string head(const Summary& summary) {
  const RunInfo& run = summary.document.run;
  return fmt::format("### UDP round trip to {}\n\n{}; {}. Started {}, run {}.\n\n{}.\n\n",
                     escaped(run.target), escaped(what_over_what(run)),
                     escaped(fmt::format("{}", fmt::join(how(run), ", "))), escaped(run.started_at),
                     code(run.id), fmt::join(probe_items(summary.document), ", "));
}

std::string round_trips(const Summary& summary) {
  std::string table =
      "| round trip | p50 | p90 | p99 | p99.9 | max | coverage |\n"
      "|---|--:|--:|--:|--:|--:|--:|\n";
  for (std::size_t i = 0; i < stats::view_table.size(); ++i) {
    const stats::View& view = stats::view_table[i];
    const auto& figures = summary.rtt[i];
    if (!is_worth_a_row(summary, i)) continue;
    if (!figures) {
      table +=
          fmt::format("| {} | -- {} | | | | | |\n", view.label, escaped(absence_of(summary, view)));
      continue;
    }
    const auto coverage = coverage_of(*figures, summary.document);
    table += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", view.label, cell(figures->p50()),
                         cell(figures->p90()), cell(figures->p99()), cell(figures->p99_9()),
                         cell(figures->max), coverage ? percent_floor(*coverage) : "--");
  }
  return table + "\n";
}

std::string segments(const Summary& summary) {
  constexpr std::size_t any_width = 200;
  if (summary.segments.empty()) return {};
  std::string table =
      "| where the time goes | from | to | p50 | p99 | share |\n"
      "|---|---|---|--:|--:|--:|\n";
  for (std::size_t i = 0; i < summary.segments.size(); ++i) {
    const SegmentSummary& row = summary.segments[i];
    const bool largest = summary.largest == i;
    const std::string name =
        fmt::format("{}: {}", stats::place_of(row.segment.kind),
                    short_name(row.segment, row.uncertainty_ns, any_width, false));
    table += fmt::format(
        "| {} | {} | {} | {} | {} | {} |\n", largest ? fmt::format("**{}**", name) : name,
        code(netobs::name(slot_point(row.segment.from))),
        code(netobs::name(slot_point(row.segment.to))),
        row.figures ? cell(row.figures->p50()) : "--",
        row.figures ? cell(row.figures->p99()) : "--", row.share ? percent_text(*row.share) : "--");
  }
  const auto& clocks = summary.document.path.clocks;
  if (clocks.kind == stats::ClockRelation::Kind::synchronised) {
    table +=
        fmt::format("\nOne-way segments are known within +-{}: the two clocks agree no better.\n",
                    duration_text(clocks.bound_ns));
  }
  return table + "\n";
}

std::string rest(const Summary& summary) {
  std::string text = fmt::format("- Layers: {}.\n", layers_text(summary));
  for (const NicClockInfo& nic : summary.document.nic_clocks) {
    text += fmt::format("- NIC clock: {}.\n",
                        escaped(fmt::format("{}", fmt::join(nic_clock_items(nic, false), "; "))));
  }
  text += fmt::format("- Checks: {}.\n", fmt::join(check_items(summary.document.violations), "; "));
  if (summary.send_error) {
    text += fmt::format("- Send error: p50 {}, p99 {}, max {}.\n", cell(summary.send_error->p50()),
                        cell(summary.send_error->p99()), cell(summary.send_error->max));
  }
  if (intended_differs(summary)) {
    text += fmt::format("- Round trip from the intended send time: p50 {}, p99 {}, max {}.\n",
                        cell(summary.rtt_intended->p50()), cell(summary.rtt_intended->p99()),
                        cell(summary.rtt_intended->max));
  }
  for (const std::string& warning : summary.document.warnings) {
    text += fmt::format("- Warning: {}\n", escaped(warning));
  }
  for (const std::string& note : summary.notes) {
    text += fmt::format("- Note: {}\n", escaped(note));
  }
  return text;
}

}  // namespace

std::string render_markdown(const Summary& summary, const RenderStyle& /*style*/) {
  return head(summary) + round_trips(summary) + segments(summary) + rest(summary);
}

}  // namespace netobs::report
