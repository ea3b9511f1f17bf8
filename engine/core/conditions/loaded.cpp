#include "core/conditions/loaded.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/report/format.hpp"
#include "core/stats/wide.hpp"

namespace netobs::conditions {
namespace {

std::optional<LatencyFigures> kept(const std::optional<report::Figures>& figures) {
  if (!figures) return std::nullopt;
  return LatencyFigures{figures->count, figures->p50(), figures->p99()};
}

bool same_ends(const stats::Segment& a, const stats::Segment& b) {
  return a.from == b.from && a.to == b.to && a.kind == b.kind && a.less == b.less;
}

std::size_t place_on_way(std::size_t slot_index) {
  return static_cast<std::size_t>(std::ranges::find(path_order, slot_index) - path_order.begin());
}

bool comes_before(const LoadedSegment& a, const LoadedSegment& b) {
  const auto key = [](const stats::Segment& segment) {
    return std::pair(place_on_way(segment.from), place_on_way(segment.to));
  };
  return key(a.segment) < key(b.segment);
}

std::optional<std::int64_t> difference(std::optional<std::int64_t> after,
                                       std::optional<std::int64_t> before) {
  if (!after || !before) return std::nullopt;
  return stats::saturating_difference(*after, *before);
}

/// A segment of one of the two runs is none of the other.
bool ways_differ(const std::vector<LoadedSegment>& segments, LoadPhase phase) {
  return std::ranges::any_of(segments, [&](const LoadedSegment& row) {
    return row.figures[index(LoadPhase::idle)].has_value() != row.figures[index(phase)].has_value();
  });
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::optional<Judgement> judge_loss(const LoadedRun& run, const Thresholds& limits) {
  if (run.send_failed > 0 && share(run.send_failed, run.sent + run.send_failed) >= limits.loss) {
    return Judgement{Verdict::host_issue, "this host dropped probes before they left it"};
  }
  if (run.lost > 0 && share(run.lost, run.sent) >= limits.loss) {
    return Judgement{Verdict::network_issue, "probes are lost"};
  }
  return std::nullopt;
}

/// Whose queue grew; nullopt when none did by as much as the threshold.
std::optional<Judgement> judge_increase(const LoadedLatency& loaded, LoadPhase phase,
                                        const Thresholds& limits) {
  const auto segments = segments_by_phase(loaded);
  const auto most = grew_most(segments, phase);
  const auto grown = most ? *increase(segments[*most].figures, phase).p50_ns : 0;
  const auto whole = increase(view_by_phase(loaded, 0), phase).p50_ns.value_or(0);
  const auto reaches = [&](std::int64_t ns) {
    return static_cast<double>(ns) >= limits.increase_ns;
  };
  if (!reaches(grown) && !reaches(whole)) return std::nullopt;
  if (!most || (grown < whole / 2 && ways_differ(segments, phase))) {
    return Judgement{Verdict::unknown,
                     fmt::format("the round trip grew by {}, in no segment that both runs have",
                                 report::duration_text(whole))};
  }
  const auto& segment = segments[*most].segment;
  const bool network = stats::place_of(segment.kind) == "network";
  return Judgement{network ? Verdict::network_issue : Verdict::host_issue,
                   fmt::format("the queue is in {}: {} more than idle", place_of(segment),
                               report::duration_text(grown))};
}

}  // namespace

std::string_view name(LoadPhase phase) {
  constexpr std::array<std::string_view, load_phase_count> names{"idle", "upload", "download"};
  return names[index(phase)];
}

LoadedRun loaded_run(const report::Summary& summary, std::optional<Throughput> load) {
  const auto& probes = summary.document.probes;
  const auto& violations = summary.document.violations;
  LoadedRun run{.sent = probes.sent,
                .received = probes.received,
                .lost = probes.lost,
                .send_failed = probes.send_failed,
                .skipped = summary.document.skipped,
                .violations = violations.causal_order + violations.identity,
                .load = std::move(load),
                .clocks = summary.document.path.clocks};
  for (std::size_t i = 0; i < run.views.size(); ++i) run.views[i] = kept(summary.rtt[i]);
  for (const auto& row : summary.segments) {
    if (const auto figures = kept(row.figures)) run.segments.push_back({row.segment, *figures});
  }
  return run;
}

std::vector<LoadedSegment> segments_by_phase(const LoadedLatency& loaded) {
  std::vector<LoadedSegment> rows;
  for (std::size_t phase = 0; phase < load_phase_count; ++phase) {
    if (!loaded.runs[phase].value) continue;
    for (const auto& [segment, figures] : loaded.runs[phase].value->segments) {
      auto row = std::ranges::find_if(
          rows, [&](const LoadedSegment& known) { return same_ends(known.segment, segment); });
      if (row == rows.end()) row = rows.insert(row, {segment, {}});
      row->figures[phase] = figures;
    }
  }
  std::ranges::stable_sort(rows, comes_before);
  return rows;
}

FiguresByPhase view_by_phase(const LoadedLatency& loaded, std::size_t view) {
  FiguresByPhase figures;
  for (std::size_t phase = 0; phase < load_phase_count; ++phase) {
    if (loaded.runs[phase].value) figures[phase] = loaded.runs[phase].value->views[view];
  }
  return figures;
}

Increase increase(const FiguresByPhase& figures, LoadPhase phase) {
  const auto& before = figures[index(LoadPhase::idle)];
  const auto& after = figures[index(phase)];
  if (!before || !after) return {};
  return {difference(after->p50_ns, before->p50_ns), difference(after->p99_ns, before->p99_ns)};
}

std::optional<std::size_t> grew_most(const std::vector<LoadedSegment>& segments, LoadPhase phase) {
  std::optional<std::size_t> most;
  std::int64_t largest = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto grown = increase(segments[i].figures, phase).p50_ns.value_or(0);
    if (grown <= largest) continue;
    largest = grown;
    most = i;
  }
  return most;
}

std::string place_of(const stats::Segment& segment) {
  const auto host = stats::place_of(segment.kind);
  return host == "network" ? segment.name : fmt::format("the {}'s {}", host, segment.name);
}

Judgement judge_loaded(const LoadedLatency& loaded, LoadPhase phase, const Thresholds& limits) {
  const auto& item = loaded.runs[index(phase)];
  if (!item.value) {
    return {Verdict::unknown, item.failure ? reason_of(*item.failure) : "not measured"};
  }
  if (item.value->received == 0) return {Verdict::unknown, "no probe was answered"};
  if (phase != LoadPhase::idle) {
    if (!loaded.runs[index(LoadPhase::idle)].value) {
      return {Verdict::unknown, "nothing to compare with: the idle link was not measured"};
    }
    if (auto judged = judge_increase(loaded, phase, limits)) return *std::move(judged);
  }
  if (auto judged = judge_loss(*item.value, limits)) return *std::move(judged);
  return {Verdict::fine, ""};
}

}  // namespace netobs::conditions
