#include "progress_line.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/report/live_view.hpp"
#include "linux/os/clock.hpp"
#include "live_block.hpp"

namespace netobs::cli {
namespace {

/// Of a terminal that does not say.
constexpr unsigned usual_columns = 80;

}  // namespace

ProgressLine::ProgressLine(const app::RunConfig& config, bool wanted)
    : count_(config.count),
      duration_(config.duration),
      enabled_(wanted && terminal_on_stderr()),
      started_ns_(os::monotonic_now().ns) {}

std::string ProgressLine::time_left(const app::Progress& progress) const {
  const report::LiveRun run{.phase = {}, .target = {}, .count = count_, .duration = duration_};
  const auto elapsed = Duration(os::monotonic_now().ns - started_ns_);
  const auto left = report::live_time_left(run, progress.sent, elapsed);
  if (!left) return {};
  return fmt::format("   {:.0f} s left", std::chrono::duration<double>(*left).count());
}

void ProgressLine::draw(const app::Progress& progress) {
  if (!enabled_) return;
  const double loss = progress.sent == 0 ? 0
                                         : 100.0 * static_cast<double>(progress.lost) /
                                               static_cast<double>(progress.sent);
  std::string line = progress.phase;
  if (progress.sent > 0) line += fmt::format(": {} probes, {:.2f} % lost", progress.sent, loss);
  if (progress.rtt_p50_ns) {
    line += fmt::format(", RTT p50 {:.1f} us", static_cast<double>(*progress.rtt_p50_ns) / 1e3);
  }
  if (progress.rtt_p99_ns) {
    line += fmt::format(", p99 {:.1f} us", static_cast<double>(*progress.rtt_p99_ns) / 1e3);
  }
  line += time_left(progress);
  constexpr const char* clear_to_end = "\x1b[K";
  const auto columns = stderr_size().value_or(TerminalSize{usual_columns, 0}).columns;
  put_on_stderr("\r" + line.substr(0, std::min(columns, usual_columns) - 1) + clear_to_end);
  drawn_ = true;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  put_on_stderr("\r\x1b[K");
  drawn_ = false;
}

}  // namespace netobs::cli
