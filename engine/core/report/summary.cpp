#include "core/report/summary.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/report/notes.hpp"
#include "core/stats/wide.hpp"

namespace netobs::report {
namespace {

using Distributions = std::map<std::string, stats::Distribution>;

std::optional<Figures> find(const Distributions& distributions, const std::string& key) {
  const auto found = distributions.find(key);
  return found == distributions.end() ? std::nullopt : figures_of(found->second);
}

std::optional<Figures> above_minimum(const std::optional<Figures>& figures) {
  if (!figures) return std::nullopt;
  return moved_down(*figures, figures->min);
}

void add_segments(Summary& summary, const Distributions& distributions) {
  for (const stats::Segment& segment : summary.path.segments) {
    SegmentSummary row{segment,
                       find(distributions, segment.key()),
                       {},
                       stats::uncertainty_ns(segment, summary.document.path)};
    if (const auto& whole = round_trip(summary); row.figures && whole && whole->mean > 0) {
      row.share = row.figures->mean / whole->mean;
    }
    const bool larger =
        row.figures &&
        (!summary.largest || row.figures->mean > summary.segments[*summary.largest].figures->mean);
    if (larger) summary.largest = summary.segments.size();
    summary.segments.push_back(std::move(row));
  }
}

std::string_view explain(Reason reason) {
  switch (reason) {
    case Reason::not_requested:
      return "not switched on (--layers)";
    case Reason::not_on_path:
      return "not on this transport's path";
    case Reason::unsupported:
      return "not available here (see netobs doctor)";
    case Reason::captured:
      return "no probe was answered with both timestamps";
    default:
      return netobs::name(reason);
  }
}

}  // namespace

std::optional<Figures> figures_of(const stats::Distribution& distribution) {
  if (distribution.empty()) return std::nullopt;
  Figures figures;
  figures.count = distribution.count();
  figures.min = *distribution.min();
  figures.max = *distribution.max();
  figures.mean = *distribution.mean();
  figures.stddev = *distribution.stddev();
  for (std::size_t i = 0; i < stats::quantile_table.size(); ++i) {
    const stats::Quantile q = stats::quantile_table[i].quantile;
    figures.quantile[i] = distribution.quantile(q);
    if (figures.quantile[i]) figures.confidence[i] = distribution.confidence_interval(q);
  }
  return figures;
}

Figures moved_down(const Figures& figures, std::int64_t offset_ns) {
  Figures moved = figures;
  const auto move = [&](std::int64_t& value) {
    value = stats::saturating_difference(value, offset_ns);
  };
  move(moved.min);
  move(moved.max);
  moved.mean -= static_cast<double>(offset_ns);
  for (auto& each : moved.quantile) {
    if (each) move(*each);
  }
  for (auto& each : moved.confidence) {
    if (!each) continue;
    move(each->low);
    move(each->high);
  }
  return moved;
}

Summary assemble(const RunDocument& document, const stats::PointLedger& ledger,
                 const Distributions& distributions) {
  Summary summary;
  summary.document = cleaned(document);
  summary.ledger = ledger;
  summary.path = stats::build_path(document.path);
  summary.primary = stats::primary_view(document.path.active[index(Host::sender)]);
  for (std::size_t i = 0; i < stats::view_table.size(); ++i) {
    summary.rtt[i] = find(distributions, fmt::format("rtt.{}", stats::view_table[i].name));
    summary.net_rtt[i] = find(distributions, fmt::format("net_rtt.{}", stats::view_table[i].name));
  }
  summary.rtt_intended = find(distributions, "rtt_intended");
  summary.send_error = find(distributions, "send_error");
  summary.ipdv = find(distributions, "ipdv");
  summary.ipdv_forward = find(distributions, "ipdv.forward");
  summary.ipdv_backward = find(distributions, "ipdv.backward");
  summary.pdv = above_minimum(round_trip(summary));
  summary.pdv_forward = above_minimum(find(distributions, "delay_change.forward"));
  summary.pdv_backward = above_minimum(find(distributions, "delay_change.backward"));
  add_segments(summary, distributions);
  summary.notes = notes_of(summary);
  return summary;
}

bool is_worth_a_row(const Summary& summary, std::size_t view) {
  if (summary.rtt[view]) return true;
  const auto& row = stats::view_table[view];
  const bool asked_for =
      summary.ledger.at(slot(Host::sender, row.tx)).plan != Reason::not_requested ||
      summary.ledger.at(slot(Host::sender, row.rx)).plan != Reason::not_requested;
  // In a capture nobody expects what only a program on the host can see.
  const bool expected = summary.primary == 0 && layer_table[index(info(row.tx).layer)].automatic;
  return asked_for || expected;
}

std::string absence_of(const Summary& summary, const stats::View& view) {
  const std::string_view layer = netobs::name(info(view.tx).layer);
  for (const LayerAbsence& absence : summary.document.absent_layers) {
    if (absence.layer == layer) return absence.why;
  }
  for (const Point point : {view.tx, view.rx}) {
    const Reason plan = summary.ledger.at(slot(Host::sender, point)).plan;
    if (plan != Reason::captured) return std::string(explain(plan));
  }
  return std::string(explain(Reason::captured));
}

}  // namespace netobs::report
