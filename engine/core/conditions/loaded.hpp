#pragma once
// Latency under load: what three runs of the same probes say when they are compared.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/conditions/verdict.hpp"
#include "core/report/summary.hpp"

namespace netobs::conditions {

/// "idle", "upload", "download": in JSON and for a person.
[[nodiscard]] std::string_view name(LoadPhase phase);

/// What is kept of a run. `load` is the iperf3 test that ran beside it, empty for none.
[[nodiscard]] LoadedRun loaded_run(const report::Summary& summary, std::optional<Throughput> load);

using FiguresByPhase = std::array<std::optional<LatencyFigures>, load_phase_count>;

/// A segment in every run that had it.
struct LoadedSegment {
  stats::Segment segment;
  FiguresByPhase figures;
};

/// The segments of all runs along the way. Two are the same when they have the same ends: a point
/// that one run lacks makes other segments there, which are not comparable.
[[nodiscard]] std::vector<LoadedSegment> segments_by_phase(const LoadedLatency& loaded);
/// One view of the round trip, by its index in stats::view_table.
[[nodiscard]] FiguresByPhase view_by_phase(const LoadedLatency& loaded, std::size_t view);

/// How much more than idle; nullopt unless both runs have the figure.
struct Increase {
  std::optional<std::int64_t> p50_ns;
  std::optional<std::int64_t> p99_ns;
};
[[nodiscard]] Increase increase(const FiguresByPhase& figures, LoadPhase phase);

/// Index of the segment whose median grew most from idle to `phase`; nullopt when none grew.
[[nodiscard]] std::optional<std::size_t> grew_most(const std::vector<LoadedSegment>& segments,
                                                   LoadPhase phase);

/// "the sender's qdisc", "network, out".
[[nodiscard]] std::string place_of(const stats::Segment& segment);

/// Of one run. Whatever kept it from being measured is unknown: the link was not judged.
[[nodiscard]] Judgement judge_loaded(const LoadedLatency& loaded, LoadPhase phase,
                                     const Thresholds& limits);

}  // namespace netobs::conditions
