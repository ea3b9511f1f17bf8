#include "live_run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <thread>

#include "core/report/format.hpp"
#include "html_page.hpp"
#include "signals.hpp"

namespace netobs::cli {
namespace {

constexpr int redraw_ms = 200;

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return std::strstr(value, "UTF-8") != nullptr || std::strstr(value, "utf8") != nullptr;
  }
  return false;
}

}  // namespace

report::RenderStyle terminal_style(int fd) {
  report::RenderStyle style;
  const bool terminal = ::isatty(fd) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  style.colour = terminal && (no_color == nullptr || *no_color == '\0');
  style.utf8 = terminal && locale_is_utf8();
  return style;
}

void print_text(const report::Summary& summary) {
  fmt::print("{}", report::render_text(summary, terminal_style()));
}

Result<void> write_output(const std::string& path, const std::string& text) {
  if (path == "-") {
    fmt::print("{}", text);
    return {};
  }
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) {
    return fail({.what = "write " + path, .sys_errno = errno, .cause = "", .remedy = ""});
  }
  return {};
}

Result<void> run_watched(const app::RunConfig& config, ProgressMode mode,
                         const std::function<void(app::RunControl&)>& work) {
  NETOBS_TRY(signals, Signals::block());
  app::RunControl control;
  ProgressView view(config, mode, terminal_style(STDERR_FILENO));
  if (view.wants_snapshots()) control.watch();
  std::atomic<bool> done{false};
  std::thread worker([&] {
    work(control);
    done.store(true, std::memory_order_release);
  });
  while (!done.load(std::memory_order_acquire)) {
    if (signals.wait(redraw_ms)) control.request_stop();
    view.draw(control.progress(), control.stop());
  }
  worker.join();
  view.clear();
  for (const auto& message : control.messages()) fmt::print(stderr, "netobs: {}\n", message);
  return {};
}

int run_and_print(const RunOptions& options, const app::RunConfig& config, const Measure& measure) {
  std::optional<Result<report::Summary>> outcome;
  const auto watched = run_watched(config, options.progress_mode(),
                                   [&](app::RunControl& control) { outcome = measure(control); });
  if (!watched) return report_error(watched.error());
  if (!*outcome) return report_error(outcome->error());
  const auto& summary = **outcome;
  // Another form on standard output leaves no room for text there.
  const bool taken = options.json_file == "-" || options.html_file == "-";
  if (!options.quiet && !taken) print_text(summary);
  if (!options.json_file.empty()) {
    if (const auto written = write_output(options.json_file, report::render_json(summary, {}));
        !written) {
      return report_error(written.error());
    }
  }
  if (!options.html_file.empty()) {
    const auto written =
        write_page(config.stores.front(), summary.document.run.id, options.html_file);
    if (!written) return report_error(written.error());
  }
  const auto& violations = summary.document.violations;
  const bool sound = report::is_sound(violations);
  return static_cast<int>(sound ? ExitCode::ok : ExitCode::invariant);
}

}  // namespace netobs::cli
