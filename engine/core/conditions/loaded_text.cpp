#include <fmt/format.h>

#include <algorithm>

#include "core/conditions/loaded.hpp"
#include "core/conditions/text_parts.hpp"
#include "core/report/format.hpp"
#include "core/session/schedule.hpp"

namespace netobs::conditions {
namespace {

using report::Ink;
using report::TextPage;

constexpr std::size_t name_columns = 24;
constexpr std::size_t cell_columns = 9;
constexpr std::size_t gap_columns = 2;  // between the median and the tail
constexpr std::array phases{LoadPhase::idle, LoadPhase::upload, LoadPhase::download};
constexpr std::array loads{LoadPhase::upload, LoadPhase::download};

std::string cell(const TextPage& page, std::optional<std::int64_t> ns) {
  return page.right(ns ? report::duration_text(*ns) : "--", cell_columns);
}

std::string run_figures(const Item<LoadedRun>& item) {
  if (!item.value) return "";
  const LoadedRun& run = *item.value;
  std::string text;
  const auto& application = run.views[0];
  if (application && application->p50_ns) {
    text += fmt::format("p50 {}, ", report::duration_text(*application->p50_ns));
  }
  if (application && application->p99_ns) {
    text += fmt::format("p99 {}, ", report::duration_text(*application->p99_ns));
  }
  text += fmt::format("lost {} of {}", run.lost, run.sent);
  if (run.send_failed > 0) text += fmt::format(", not sent {}", run.send_failed);
  if (run.skipped > 0) text += fmt::format(", skipped {}", run.skipped);
  if (run.violations > 0) text += fmt::format(", impossible {}", run.violations);
  if (run.load) text += fmt::format(", iperf3 {}", rate_text(run.load->received_bps));
  return text;
}

/// Median, then tail: as it is when idle, and what each load adds.
void put_row(TextPage& page, std::string_view label, const FiguresByPhase& figures) {
  if (std::ranges::none_of(figures, [](const auto& one) { return one.has_value(); })) return;
  const auto& idle = figures[index(LoadPhase::idle)];
  std::string line = page.left(label, name_columns);
  line += cell(page, idle ? idle->p50_ns : std::nullopt);
  for (const auto phase : loads) line += cell(page, increase(figures, phase).p50_ns);
  line += std::string(gap_columns, ' ') + cell(page, idle ? idle->p99_ns : std::nullopt);
  for (const auto phase : loads) line += cell(page, increase(figures, phase).p99_ns);
  page.line(std::move(line));
}

void put_head(TextPage& page) {
  std::string line = page.left("added by the load", name_columns, Ink::strong);
  for (const auto* idle : {"p50 idle", "p99 idle"}) {
    if (line.size() > name_columns + cell_columns) line += std::string(gap_columns, ' ');
    line += page.right(idle, cell_columns, Ink::faint);
    for (const auto* title : {"+upload", "+down"}) {
      line += page.right(title, cell_columns, Ink::faint);
    }
  }
  page.line(std::move(line));
}

void put_table(TextPage& page, const LoadedLatency& loaded) {
  put_head(page);
  page.line("  round trip");
  for (std::size_t i = 0; i < stats::view_table.size(); ++i) {
    put_row(page, fmt::format("    {}", stats::view_table[i].label), view_by_phase(loaded, i));
  }
  const auto& idle = loaded.runs[index(LoadPhase::idle)].value;
  stats::PathConfig path;
  if (idle) path.clocks = idle->clocks;
  std::string_view group;
  for (const auto& row : segments_by_phase(loaded)) {
    const auto its = stats::place_of(row.segment.kind);
    if (its != group) page.line(fmt::format("  {}", its));
    group = its;
    const auto label = report::short_name(row.segment, stats::uncertainty_ns(row.segment, path),
                                          name_columns - 5, page.utf8());
    put_row(page, "    " + label, row.figures);
  }
  page.blank();
}

}  // namespace

void put_loaded(TextPage& page, const LoadedLatency& loaded, const Thresholds& limits) {
  page.line(page.ink("latency under load", Ink::strong) + fmt::format(": runs of {}, {} probes/s",
                                                                      duration_text(loaded.time),
                                                                      loaded.probes_per_second));
  for (const auto phase : phases) {
    put_item(page, name(phase), judge_loaded(loaded, phase, limits),
             run_figures(loaded.runs[index(phase)]));
  }
  page.blank();
  if (std::ranges::any_of(loaded.runs, [](const auto& item) { return item.value.has_value(); })) {
    put_table(page, loaded);
  }
}

std::string loaded_threshold_text(const Thresholds& limits) {
  return fmt::format(
      "Under load it is an issue when the median of a segment, or of the round trip, grows by {} "
      "or more over idle, or when probes are lost as above: of the host in whose segment it grew "
      "most, or of the network.",
      report::duration_text(limits.increase_ns));
}

}  // namespace netobs::conditions
