#include <fmt/format.h>

#include "core/report/format.hpp"
#include "core/report/page/page_parts.hpp"

namespace netobs::report {
namespace {

std::string loss_text(const stats::ProbeCounters& probes) {
  if (probes.lost == 0) return "None was lost.";
  return fmt::format(
      "{} of {} {} lost ({}).", grouped(probes.lost), grouped(probes.sent),
      probes.lost == 1 ? "was" : "were",
      percent_text(static_cast<double>(probes.lost) / static_cast<double>(probes.sent)));
}

std::string speed_text(const Figures& rtt, std::uint64_t answers) {
  if (!rtt.p50()) return fmt::format("{} came back.", counted(answers, "probe"));
  std::string text = fmt::format("Half of {} came back within {}", counted(answers, "probe"),
                                 page_duration(static_cast<double>(*rtt.p50())));
  if (rtt.p99()) {
    text += fmt::format(", 99 in 100 within {}", page_duration(static_cast<double>(*rtt.p99())));
  } else {
    text += fmt::format(", all within {}", page_duration(static_cast<double>(rtt.max)));
  }
  return text + ".";
}

std::string where_text(const Summary& summary) {
  if (!summary.largest) return {};
  const SegmentSummary& row = summary.segments[*summary.largest];
  if (!row.share || summary.segments.size() < 2) return {};
  const std::string_view place = stats::place_of(row.segment.kind);
  constexpr std::size_t any_width = 60;
  const auto name = short_name(row.segment, row.uncertainty_ns, any_width, true);
  return fmt::format("The largest part of the time, {}, is the {}{}.", percent_text(*row.share),
                     place == "network" ? "network, " : fmt::format("{}\u2019s ", place), name);
}

}  // namespace

std::string verdict_of(const Summary& summary) {
  const auto& probes = summary.document.probes;
  if (probes.sent == 0) return "No probe was sent.";
  if (probes.received == 0) {
    return fmt::format("Nothing answered: none of {} came back.", counted(probes.sent, "probe"));
  }
  std::string text;
  const auto& violations = summary.document.violations;
  if (!is_sound(violations)) {
    text = "Do not rely on these figures before the checks below are understood. ";
  }
  if (const auto& rtt = round_trip(summary)) text += speed_text(*rtt, probes.received) + " ";
  text += loss_text(probes);
  const std::string where = where_text(summary);
  return typeset(where.empty() ? text : text + " " + where);
}

}  // namespace netobs::report
