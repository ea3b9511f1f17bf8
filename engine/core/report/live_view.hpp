#pragma once
// The view of a run that goes on, in the words of the text report.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/time.hpp"
#include "core/report/live_snapshot.hpp"
#include "core/report/renderer.hpp"

namespace netobs::report {

/// What is known of a run from outside its statistics.
struct LiveRun {
  std::string phase;        ///< "measuring"
  std::string target;       ///< "198.18.0.2:862 over va0 (veth: no wire)"; may be empty
  std::uint64_t count = 0;  ///< probes intended; 0 = no such limit
  Duration duration{};      ///< 0 = no such limit
  bool stopping = false;    ///< no more probes are sent
};

/// The smallest screen that has room for the view.
inline constexpr unsigned live_min_columns = 60;
inline constexpr unsigned live_min_rows = 20;

struct LiveScreen {
  unsigned columns = 80;  ///< at least live_min_columns
  unsigned rows = 24;     ///< at least live_min_rows
  bool colour = false;
  bool utf8 = false;
};

/// How much of the run is over, 0 to 1; nullopt without an end to it.
[[nodiscard]] std::optional<double> live_share_done(const LiveRun& run, std::uint64_t sent,
                                                    Duration elapsed);
/// The time left at the pace so far; nullopt when that cannot be known.
[[nodiscard]] std::optional<Duration> live_time_left(const LiveRun& run, std::uint64_t sent,
                                                     Duration elapsed);

/// The view's lines: fewer than the screen's rows, each narrower than its columns, so that a cursor
/// fits below them and no line reaches the screen's edge. Where segments are too many for the
/// screen, the smallest are summed up in one line.
[[nodiscard]] std::vector<std::string> render_live(const LiveSnapshot& snapshot, const LiveRun& run,
                                                   const LiveScreen& screen);

}  // namespace netobs::report
