#pragma once
// What the hot thread of a run hands over, made up: the input of the correlator's benchmarks.

#include <cstddef>
#include <vector>

#include "core/correlate/correlator.hpp"

namespace netobs::micro {

struct StreamOptions {
  bool shuffled = false;  ///< all but the sending of probes comes up to 64 probes late
  bool losses = false;    ///< 1 % lost on each way, and 1 in 1000 timestamps
  std::size_t window = 1U << 16U;
};

/// 100,000 probes/s with every software point of both hosts, reports in the next reply, and looks
/// at the clock every millisecond.
struct EventStream {
  CorrelatorConfig config;
  std::vector<Observation> events;
  /// By event: when the record thread takes it. Never falls.
  std::vector<MonotonicTime> taken_at;
  std::vector<Outcome> truth;  ///< by probe: what became of it
};

/// The same for the same options, in every run.
[[nodiscard]] EventStream make_stream(const StreamOptions& options);

}  // namespace netobs::micro
