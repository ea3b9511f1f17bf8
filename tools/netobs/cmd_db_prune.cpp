#include "cmd_db_prune.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/store_set.hpp"
#include "core/report/format.hpp"
#include "core/report/run_document.hpp"
#include "core/session/schedule.hpp"
#include "linux/os/clock.hpp"
#include "live_run.hpp"
#include "run_options.hpp"
#include "signals.hpp"
#include "store/open.hpp"
#include "store/prune.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nRaw rows are one per probe and most of a store. All else stays: reports, roll-ups and\n"
    "counts say the same afterwards; only netobs report --from-rows needs the rows. How long to\n"
    "keep them comes from --keep or NETOBS_KEEP; without either nothing is removed. A run that\n"
    "began earlier keeps its younger rows, one that goes on is treated alike.\n"
    "Ctrl-C stops between two steps; what is done stays done (exit status 1). The file of a "
    "SQLite\n"
    "store does not shrink: later runs use the space again.\n"
    "\nExamples:\n"
    "  netobs db prune --keep 30d --dry-run\n"
    "  NETOBS_KEEP=12h netobs db prune --store mysql://user@db/network_performance";

constexpr Duration longest_keep = std::chrono::hours(24 * 36'500);
constexpr Duration redraw_interval = std::chrono::milliseconds(200);

struct PruneArguments {
  std::string store = "netobs.db";
  std::string keep;
  bool dry_run = false;
  std::string json_file;
};

/// What was asked for, and what came of it.
struct Outcome {
  std::string store;
  std::string keep_text;
  Duration keep{};
  store::PruneOptions options;
  store::PruneReport report;
};

Result<std::string> keep_text(const PruneArguments& arguments) {
  if (!arguments.keep.empty()) return arguments.keep;
  const char* value = std::getenv("NETOBS_KEEP");
  if (value != nullptr && *value != '\0') return std::string(value);
  return fail({.what = "remove old rows",
               .cause = "Nothing says how long they are to be kept.",
               .remedy = "Give --keep 30d, or set NETOBS_KEEP; --dry-run shows what would go.",
               .exit = ExitCode::usage});
}

/// On a terminal: what has been removed so far.
class RemovedLine {
 public:
  explicit RemovedLine(bool dry_run)
      : verb_(dry_run ? "found" : "removed"), enabled_(::isatty(STDERR_FILENO) == 1) {}
  ~RemovedLine() {
    if (drawn_) fmt::print(stderr, "\r\x1b[K");
  }
  RemovedLine(const RemovedLine&) = delete;
  RemovedLine& operator=(const RemovedLine&) = delete;

  void draw(const store::PruneReport& so_far) {
    const auto now = os::monotonic_now();
    if (!enabled_ || (drawn_ && now - drawn_at_ < redraw_interval)) return;
    fmt::print(stderr, "\r{} {} rows of {} runs\x1b[K", verb_, report::grouped(so_far.rows),
               so_far.runs);
    drawn_ = true;
    drawn_at_ = now;
  }

 private:
  std::string_view verb_;
  bool enabled_;
  bool drawn_ = false;
  MonotonicTime drawn_at_;
};

Result<Outcome> prune(const PruneArguments& arguments) {
  Outcome outcome;
  NETOBS_TRY(text, keep_text(arguments));
  NETOBS_TRY(keep, parse_duration(text, longest_keep));
  NETOBS_TRY(url, store::parse_url(arguments.store, app::store_environment()));
  outcome.keep_text = text;
  outcome.keep = keep;
  outcome.options.before_ns = os::realtime_now().ns - keep.count();
  outcome.options.dry_run = arguments.dry_run;
  NETOBS_TRY(signals, Signals::block());
  // Nothing is to be made of a name that was mistyped: the store has to be there.
  NETOBS_TRY(readable, store::open_store(url, {.read_only = true}));
  if (!arguments.dry_run) {
    NETOBS_TRY(writable, store::open_store(url, {}));
    readable = std::move(writable);
  }
  outcome.store = readable->description();
  RemovedLine line(arguments.dry_run);
  NETOBS_TRY(report,
             store::prune_probes(*readable, outcome.options, [&](const store::PruneReport& so_far) {
               line.draw(so_far);
               return !signals.wait(0);
             }));
  outcome.report = report;
  return outcome;
}

std::string prune_text(const Outcome& outcome) {
  const auto& report = outcome.report;
  const bool dry = outcome.options.dry_run;
  std::string text = fmt::format("{}   keeping {}, from {}\n", outcome.store, outcome.keep_text,
                                 report::utc_text(outcome.options.before_ns));
  text += fmt::format("{} {} probe rows of {} runs in {} steps{}\n",
                      dry ? "would remove" : "removed", report::grouped(report.rows), report.runs,
                      report.batches, dry ? "" : "; nothing else was touched");
  if (report.runs_in_part > 0) {
    text += fmt::format("{} of these runs keep their younger rows\n", report.runs_in_part);
  }
  if (report.interrupted) text += "interrupted: older rows may be left; the same command goes on\n";
  return text;
}

std::string prune_json(const Outcome& outcome) {
  const auto& report = outcome.report;
  nlohmann::ordered_json document;
  document["schema"] = "netobs.prune/1";
  document["store"] = outcome.store;
  document["keep_ns"] = outcome.keep.count();
  document["before_ns"] = outcome.options.before_ns;
  document["before"] = report::utc_text(outcome.options.before_ns);
  document["dry_run"] = outcome.options.dry_run;
  document["rows"] = report.rows;
  document["runs"] = report.runs;
  document["runs_in_part"] = report.runs_in_part;
  document["steps"] = report.batches;
  document["interrupted"] = report.interrupted;
  return document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

int run_prune(const PruneArguments& arguments) {
  const auto outcome = prune(arguments);
  if (!outcome) return report_error(outcome.error());
  if (arguments.json_file != "-") fmt::print("{}", prune_text(*outcome));
  if (!arguments.json_file.empty()) {
    const auto written = write_output(arguments.json_file, prune_json(*outcome));
    if (!written) return report_error(written.error());
  }
  return static_cast<int>(outcome->report.interrupted ? ExitCode::failed : ExitCode::ok);
}

}  // namespace

Run add_db_prune(CLI::App& command) {
  auto arguments = std::make_shared<PruneArguments>();
  command
      .add_option("STORE,--store", arguments->store,
                  "netobs.db, sqlite:FILE or mysql://user@host:port/database")
      ->capture_default_str();
  command.add_option("--keep", arguments->keep,
                     "Remove rows older than this: 30d, 12h (default: NETOBS_KEEP)");
  command.add_flag("--dry-run", arguments->dry_run, "Count what would go, remove nothing");
  command.add_option("--json", arguments->json_file,
                     "Write the result as JSON; - = standard output");
  command.footer(footer);
  return [arguments] { return run_prune(*arguments); };
}

}  // namespace netobs::cli
