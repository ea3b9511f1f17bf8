#include <fmt/format.h>

#include <memory>
#include <vector>

#include "app/export/export_run.hpp"
#include "command.hpp"
#include "core/report/clean_text.hpp"
#include "open_for_reading.hpp"
#include "output_file.hpp"
#include "run_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\ncsv and jsonl have the names of the table `probes`: ns of CLOCK_REALTIME, empty or null for "
    "a\n"
    "point without a time. outcome: 0 answered, 1 lost on the way out, 2 lost on the way back,\n"
    "3 lost, direction unknown, 4 late, 5 not sent. flags: 1 clock stepped, 2 reordered.\n"
    "hdr comes from the roll-ups, which netobs db prune keeps: HdrHistogram's own viewers read "
    "it,\n"
    "one metric by its tag (rtt.app, segment.sender.tc_egress.sender.tx_sched, ...).\n"
    "A FILE appears when it is complete; an export that fails or is interrupted leaves none.\n"
    "\nExamples:\n"
    "  netobs export --output probes.csv\n"
    "  netobs export 1f0c --format jsonl | jq .sender_app_tx\n"
    "  netobs export last --format hdr --output run.hlog";

struct ExportArguments {
  std::string run = "last";
  std::string store = default_store();
  std::string format = "csv";
  std::string output = "-";
  bool force = false;
};

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const auto& format : app::export_format_table()) names.emplace_back(format.name);
  return names;
}

std::string format_help() {
  std::string help;
  for (const auto& format : app::export_format_table()) {
    help += fmt::format("{}{}: {}", help.empty() ? "" : "; ", format.name, format.help);
  }
  return help;
}

Result<app::ExportOutcome> write_run(const ExportArguments& arguments, OutputFile& output) {
  NETOBS_TRY(opened, open_for_reading(arguments.store));
  const auto* format = app::find_export_format(arguments.format);
  NETOBS_TRY(outcome, app::export_run(*opened, arguments.run, *format,
                                      [&](std::string_view text) { return output.write(text); }));
  NETOBS_TRY_VOID(output.commit());
  return outcome;
}

int run_export(const ExportArguments& arguments) {
  auto output = OutputFile::open(arguments.output, arguments.force);
  if (!output) return report_error(output.error());
  const auto outcome = write_run(arguments, *output);
  if (!outcome) {
    // Who reads the pipe has seen enough.
    if (output->reader_left()) return static_cast<int>(ExitCode::ok);
    return report_error(outcome.error());
  }
  for (const auto& note : outcome->notes) {
    fmt::print(stderr, "netobs: {}\n", report::clean_text(note));
  }
  return static_cast<int>(ExitCode::ok);
}

}  // namespace

Run add_export(CLI::App& command) {
  auto arguments = std::make_shared<ExportArguments>();
  command.add_option("RUN", arguments->run, "The first digits of its id, or last")
      ->capture_default_str();
  command.add_option("--store", arguments->store, "Where the run is kept")->capture_default_str();
  command.add_option("--format", arguments->format, format_help())
      ->capture_default_str()
      ->check(CLI::IsMember(format_names()));
  command.add_option("-o,--output", arguments->output, "A file, or - for standard output")
      ->capture_default_str();
  command.add_flag("--force", arguments->force, "Replace FILE if it exists");
  command.footer(footer);
  return [arguments] { return run_export(*arguments); };
}

}  // namespace netobs::cli
