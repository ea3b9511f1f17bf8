#include <fmt/format.h>

#include <memory>

#include "app/run_list.hpp"
#include "app/store_set.hpp"
#include "app/stored_run.hpp"
#include "command.hpp"
#include "core/report/renderer.hpp"
#include "html_page.hpp"
#include "live_run.hpp"
#include "open_for_reading.hpp"
#include "run_options.hpp"

namespace netobs::cli {
namespace {

struct ReportOptions {
  std::string run = "last";
  std::string store = default_store();
  bool json = false;
  bool markdown = false;
  bool from_rows = false;
  std::string html_file;
};

Result<report::Summary> load(const ReportOptions& options) {
  NETOBS_TRY(opened, open_for_reading(options.store));
  return options.from_rows ? app::recompute_summary(*opened, options.run)
                           : app::load_summary(*opened, options.run);
}

int run_report(const ReportOptions& options) {
  if (!options.html_file.empty()) {
    const auto written = write_page(options.store, options.run, options.html_file);
    return written ? static_cast<int>(ExitCode::ok) : report_error(written.error());
  }
  const auto summary = load(options);
  if (!summary) return report_error(summary.error());
  if (options.json) {
    fmt::print("{}", report::render_json(*summary, {}));
  } else if (options.markdown) {
    fmt::print("{}", report::render_markdown(*summary, {}));
  } else {
    print_text(*summary);
  }
  return static_cast<int>(ExitCode::ok);
}

int run_runs(const ReportOptions& options) {
  auto opened = open_for_reading(options.store);
  if (!opened) return report_error(opened.error());
  const auto runs = (*opened)->list_runs();
  if (!runs) return report_error(runs.error());
  fmt::print("{}", options.json ? app::runs_json(*runs) : app::runs_text(*runs));
  return static_cast<int>(ExitCode::ok);
}

void add_store(CLI::App& command, ReportOptions& options) {
  command.add_option("--store", options.store, "Where the run is kept")->capture_default_str();
  command.add_flag("--json", options.json, "As JSON");
}

}  // namespace

Run add_report(CLI::App& command) {
  auto options = std::make_shared<ReportOptions>();
  command.add_option("RUN", options->run, "The first digits of its id, or last")
      ->capture_default_str();
  add_store(command, *options);
  command.add_flag("--markdown", options->markdown, "As Markdown, for a pull request")
      ->excludes(command.get_option("--json"));
  command
      .add_option("--html", options->html_file,
                  "Write one HTML page with charts to a file, or - for standard output. It opens "
                  "in a browser from disk and fetches nothing")
      ->excludes(command.get_option("--json"))
      ->excludes(command.get_option("--markdown"));
  command
      .add_flag("--from-rows", options->from_rows,
                "Recompute from the raw probe rows instead of the roll-ups")
      ->excludes(command.get_option("--html"));
  return [options] { return run_report(*options); };
}

Run add_runs(CLI::App& command) {
  auto options = std::make_shared<ReportOptions>();
  add_store(command, *options);
  return [options] { return run_runs(*options); };
}

}  // namespace netobs::cli
