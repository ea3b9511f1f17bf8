#include "progress_view.hpp"

#include "core/report/live_view.hpp"
#include "linux/os/clock.hpp"

namespace netobs::cli {
namespace {

/// Who was not called for so long was stopped (Ctrl-Z), and the shell has written meanwhile.
constexpr Duration pause = std::chrono::seconds(2);

}  // namespace

ProgressView::ProgressView(const app::RunConfig& config, ProgressMode mode,
                           const report::RenderStyle& style)
    : count_(config.count),
      duration_(config.duration),
      style_(style),
      live_(mode == ProgressMode::live && terminal_on_stderr()),
      line_(config, mode != ProgressMode::none),
      called_at_(os::monotonic_now()) {}

void ProgressView::draw(const app::Progress& progress, bool stopping) {
  if (paused() || !in_foreground()) {
    block_.let_go();
    shown_.reset();
  }
  if (live_ && progress.live && in_foreground() && draw_block(progress, stopping)) return;
  block_.clear();
  shown_.reset();
  line_.draw(progress);
}

void ProgressView::clear() {
  block_.clear();
  line_.clear();
}

bool ProgressView::paused() {
  const auto now = os::monotonic_now();
  const auto since = now - called_at_;
  called_at_ = now;
  return since > pause;
}

/// False when the terminal is too small.
bool ProgressView::draw_block(const app::Progress& progress, bool stopping) {
  const auto size = stderr_size();
  if (!size || size->columns < report::live_min_columns || size->rows < report::live_min_rows) {
    return false;
  }
  const bool same = shown_ == progress.live && shown_phase_ == progress.phase &&
                    shown_size_ == *size && shown_stopping_ == stopping;
  if (same) return true;
  line_.clear();
  const report::LiveRun run{.phase = progress.phase,
                            .target = progress.target,
                            .count = count_,
                            .duration = duration_,
                            .stopping = stopping};
  const report::LiveScreen screen{
      .columns = size->columns, .rows = size->rows, .colour = style_.colour, .utf8 = style_.utf8};
  block_.draw(report::render_live(*progress.live, run, screen), *size);
  shown_ = progress.live;
  shown_phase_ = progress.phase;
  shown_size_ = *size;
  shown_stopping_ = stopping;
  return true;
}

}  // namespace netobs::cli
