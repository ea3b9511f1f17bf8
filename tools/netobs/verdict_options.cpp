#include "verdict_options.hpp"

#include <fmt/format.h>

#include <array>

#include "core/compare/render.hpp"
#include "core/compare/render_page.hpp"
#include "core/session/schedule.hpp"
#include "live_run.hpp"

namespace netobs::cli {

void VerdictOptions::add_to(CLI::App& command) {
  command
      .add_option("--threshold", threshold_pct,
                  "Per cent of the base that p50 must change by to matter; p90 twice, p99 five "
                  "times as much")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 1000.0));
  command
      .add_option("--min-change", min_change,
                  "Time that p50 must change by besides; p90 twice, p99 four times as much")
      ->capture_default_str();
  command.add_option("--alpha", alpha, "Chance of calling noise a change, per kind of metric")
      ->capture_default_str()
      ->check(CLI::Range(1e-6, 0.5));
  command.add_option("--json", json_file, "Write the result as JSON; - = standard output");
  command.add_option("--markdown", markdown_file,
                     "Write it as Markdown, for a comment on a pull request; - = standard output");
  command.add_option("--junit", junit_file, "Write it as JUnit XML; - = standard output");
  command.add_option(
      "--html", html_file,
      "Write it as one HTML page, with the charts of both runs where they are stored "
      "ones; - = standard output");
  command.add_flag("-q,--quiet", quiet, "No text and no progress line");
}

Result<compare::Settings> VerdictOptions::settings(compare::Design design) const {
  compare::Settings settings;
  settings.design = design;
  settings.alpha = alpha;
  settings.set_share(threshold_pct / 100);
  NETOBS_TRY(change, parse_duration(min_change));
  settings.set_absolute(static_cast<double>(change.count()));
  return settings;
}

int VerdictOptions::publish(const compare::Comparison& comparison, const report::PageData* base,
                            const report::PageData* next) const {
  struct Output {
    const std::string* file;
    std::string (*render)(const compare::Comparison&, const report::RenderStyle&);
  };
  const std::array<Output, 3> outputs{{{&json_file, compare::render_json},
                                       {&markdown_file, compare::render_markdown},
                                       {&junit_file, compare::render_junit}}};
  bool taken = false;
  for (const auto& output : outputs) {
    if (output.file->empty()) continue;
    taken = taken || *output.file == "-";
    const auto written = write_output(*output.file, output.render(comparison, {}));
    if (!written) return report_error(written.error());
  }
  if (!html_file.empty()) {
    taken = taken || html_file == "-";
    const auto written = write_output(html_file, compare::render_page(comparison, base, next));
    if (!written) return report_error(written.error());
  }
  // Another form on standard output leaves no room for text there.
  if (!quiet && !taken) fmt::print("{}", compare::render_text(comparison, terminal_style()));
  const bool worse = comparison.verdict == compare::Verdict::worse;
  return static_cast<int>(worse ? ExitCode::regression : ExitCode::ok);
}

}  // namespace netobs::cli
