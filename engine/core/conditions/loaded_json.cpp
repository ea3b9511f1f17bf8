#include "core/conditions/json_parts.hpp"
#include "core/conditions/loaded.hpp"
#include "core/report/format.hpp"

namespace netobs::conditions {
namespace {

constexpr std::array phases{LoadPhase::idle, LoadPhase::upload, LoadPhase::download};

/// By phase: null where the run lacks it; the loaded ones with their increase.
Json by_phase(const FiguresByPhase& figures) {
  auto json = Json::object();
  for (const auto phase : phases) {
    auto& one = json[std::string(name(phase))];
    const auto& found = figures[index(phase)];
    if (!found) continue;
    one = {{"count", found->count},
           {"p50_ns", or_null(found->p50_ns)},
           {"p99_ns", or_null(found->p99_ns)}};
    if (phase == LoadPhase::idle) continue;
    const auto more = increase(figures, phase);
    one["p50_increase_ns"] = or_null(more.p50_ns);
    one["p99_increase_ns"] = or_null(more.p99_ns);
  }
  return json;
}

Json run_figures(const LoadedLatency& loaded, LoadPhase phase,
                 const std::vector<LoadedSegment>& segments) {
  const auto& run = loaded.runs[index(phase)].value;
  if (!run) return nullptr;
  Json json{{"sent", run->sent},
            {"received", run->received},
            {"lost", run->lost},
            {"send_failed", run->send_failed},
            {"skipped", run->skipped},
            {"violations", run->violations},
            {"clocks", stats::name(run->clocks.kind)},
            {"iperf3", run->load ? throughput_json(*run->load) : Json(nullptr)}};
  if (phase == LoadPhase::idle) return json;
  const auto most = grew_most(segments, phase);
  json["grew_most"] = nullptr;
  if (most) {
    const auto& row = segments[*most];
    json["grew_most"] = {{"key", row.segment.key()},
                         {"label", row.segment.name},
                         {"host", stats::place_of(row.segment.kind)},
                         {"p50_increase_ns", or_null(increase(row.figures, phase).p50_ns)}};
  }
  return json;
}

}  // namespace

Json loaded_json(const LoadedLatency& loaded, const Thresholds& limits) {
  const auto segments = segments_by_phase(loaded);
  Json json{{"time_ns", loaded.time.count()}, {"probes_per_second", loaded.probes_per_second}};
  auto& items = json["items"] = Json::object();
  for (const auto phase : phases) {
    const auto judged = judge_loaded(loaded, phase, limits);
    items[std::string(name(phase))] = {{"verdict", name(judged.verdict)},
                                       {"reason", judged.reason},
                                       {"figures", run_figures(loaded, phase, segments)}};
  }
  auto& views = json["views"] = Json::object();
  for (std::size_t i = 0; i < stats::view_table.size(); ++i) {
    views[std::string(stats::view_table[i].name)] = by_phase(view_by_phase(loaded, i));
  }
  auto& rows = json["segments"] = Json::array();
  for (const auto& row : segments) {
    Json one{{"key", row.segment.key()},
             {"label", row.segment.name},
             {"host", stats::place_of(row.segment.kind)}};
    one.update(by_phase(row.figures));
    rows.push_back(std::move(one));
  }
  return json;
}

}  // namespace netobs::conditions
