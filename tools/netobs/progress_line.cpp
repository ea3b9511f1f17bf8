#include "progress_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "linux/os/clock.hpp"

namespace netobs::cli {
namespace {

bool terminal_on_stderr() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::strcmp(kind, "dumb") != 0);
}

}  // namespace

ProgressLine::ProgressLine(const app::RunConfig& config, bool wanted)
    : count_(config.count),
      duration_(config.duration),
      enabled_(wanted && terminal_on_stderr()),
      started_ns_(os::monotonic_now().ns) {}

std::string ProgressLine::time_left(const app::Progress& progress) const {
  const double elapsed = static_cast<double>(os::monotonic_now().ns - started_ns_) / 1e9;
  double left = -1;
  if (duration_ != Duration::zero()) left = static_cast<double>(duration_.count()) / 1e9 - elapsed;
  if (count_ != 0 && progress.sent > 0) {
    const double done = static_cast<double>(progress.sent) / static_cast<double>(count_);
    const double by_count = elapsed / done - elapsed;
    left = left < 0 ? by_count : std::min(left, by_count);
  }
  return left < 0 ? "" : fmt::format("   {:.0f} s left", std::max(left, 0.0));
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
  fmt::print(stderr, "\r{}{}", line.substr(0, 79), clear_to_end);
  drawn_ = true;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  fmt::print(stderr, "\r\x1b[K");
  drawn_ = false;
}

}  // namespace netobs::cli
