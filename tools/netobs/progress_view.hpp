#pragma once

#include <memory>
#include <string>

#include "app/run_config.hpp"
#include "app/run_control.hpp"
#include "core/report/renderer.hpp"
#include "live_block.hpp"
#include "progress_line.hpp"

namespace netobs::cli {

/// How much a run shows on a terminal while it goes on. On anything else it shows nothing.
enum class ProgressMode : std::uint8_t {
  none,
  line,
  live,  ///< a line where the terminal is too small for the view
};

/// Of a command that makes several runs: its line says which.
[[nodiscard]] constexpr ProgressMode progress_line(bool quiet) {
  return quiet ? ProgressMode::none : ProgressMode::line;
}

/// Standard error of a command at work: a view, a line or nothing.
class ProgressView {
 public:
  ProgressView(const app::RunConfig& config, ProgressMode mode, const report::RenderStyle& style);

  /// Whether draw() can make use of Progress::live.
  [[nodiscard]] bool wants_snapshots() const { return live_; }
  /// Call it a few times per second. `stopping`: the user has asked for the end.
  void draw(const app::Progress& progress, bool stopping);
  /// Leaves nothing on the terminal.
  void clear();

 private:
  [[nodiscard]] bool draw_block(const app::Progress& progress, bool stopping);
  [[nodiscard]] bool paused();

  std::uint64_t count_;
  Duration duration_;
  report::RenderStyle style_;
  bool live_;
  ProgressLine line_;
  LiveBlock block_;
  MonotonicTime called_at_;
  // What the block shows; it is drawn when one of them changes.
  std::shared_ptr<const report::LiveSnapshot> shown_;
  std::string shown_phase_;
  TerminalSize shown_size_;
  bool shown_stopping_ = false;
};

}  // namespace netobs::cli
