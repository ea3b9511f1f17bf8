#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "app/stored_run.hpp"
#include "command.hpp"
#include "core/compare/comparison.hpp"
#include "open_for_reading.hpp"
#include "run_options.hpp"
#include "verdict_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nBASE and NEW are files written by netobs rtt --json or by Google Benchmark\n"
    "(--benchmark_out), or runs of the store: the first digits of an id, or last. A run is judged "
    "by its\n"
    "blocks of 100 probes or more, several runs (A,B,C,...) by one value each, benchmarks by "
    "their\n"
    "repetitions. Two runs one after the other also differ by what the machine did meanwhile: "
    "netobs\n"
    "gate measures in turns and is the better judge; several runs a side, taken in turns, come "
    "next.\n"
    "\nExit status: 0 nothing is worse, 4 something is.\n"
    "\nExamples:\n"
    "  netobs compare base.json new.json\n"
    "  netobs compare 7f3a last --threshold 10 --markdown -\n"
    "  netobs compare 7f3a last --html change.html\n"
    "  netobs compare bench-main.json bench-branch.json --junit verdict.xml";

struct CompareArguments {
  std::string base;
  std::string next;
  std::string store = default_store();
  VerdictOptions verdict;
};

Result<std::string> text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  // One more than is taken, so that a larger file is refused and not cut.
  std::string text(compare::Measurement::most_text_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || !file.is_open()) {
    return fail({.what = "read " + path, .sys_errno = errno, .cause = "", .remedy = ""});
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

struct Side {
  compare::Measurement measurement;
  std::optional<report::PageData> page;  ///< of a stored run, where a page is wanted
  std::size_t runs = 1;
};

Result<Side> stored(const std::string& which, const std::string& store, bool with_page) {
  NETOBS_TRY(opened, open_for_reading(store));
  NETOBS_TRY(run, opened->find_run(which));
  NETOBS_TRY(document, report::from_json(run.document));
  NETOBS_TRY(measurement, compare::measurement_of(document));
  Side side{std::move(measurement), std::nullopt, 1};
  if (with_page) {
    NETOBS_TRY(page, app::load_page(*opened, store::run_id_text(run.run_id)));
    side.page = std::move(page);
  }
  return side;
}

bool is_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

Result<Side> single(const std::string& which, const std::string& store, bool with_page) {
  if (!is_file(which)) return stored(which, store, with_page);
  NETOBS_TRY(text, text_of(which));
  NETOBS_TRY(measurement, compare::parse_measurement(text, which));
  return Side{std::move(measurement), std::nullopt, 1};
}

/// One run, or several with commas between them.
Result<Side> side(const std::string& which, const std::string& store, bool with_page) {
  const auto names = is_file(which) ? std::vector{which} : CLI::detail::split(which, ',');
  if (names.size() == 1) return single(which, store, with_page);
  std::vector<compare::Measurement> runs;
  for (const auto& name : names) {
    NETOBS_TRY(run, single(name, store, false));
    runs.push_back(std::move(run.measurement));
  }
  return Side{compare::pooled(runs), std::nullopt, runs.size()};
}

/// What no test over the blocks of one run can know.
void warn_of_single_runs(compare::Comparison& comparison, const Side& base, const Side& next) {
  const bool runs = !base.measurement.context.empty();  // benchmarks have none
  if (!runs || base.runs + next.runs > 2) return;
  comparison.notes.emplace_back(
      "One run a side: they also differ by what the machine did meanwhile, which may look like a "
      "regression. netobs gate takes turns; or give 8 runs a side, with commas.");
}

int run_compare(const CompareArguments& arguments) {
  const auto settings = arguments.verdict.settings(compare::Design::independent);
  if (!settings) return report_error(settings.error());
  const bool with_page = !arguments.verdict.html_file.empty();
  const auto base = side(arguments.base, arguments.store, with_page);
  if (!base) return report_error(base.error());
  const auto next = side(arguments.next, arguments.store, with_page);
  if (!next) return report_error(next.error());
  const auto page_of = [](const Side& each) { return each.page ? &*each.page : nullptr; };
  auto comparison = compare::compare(base->measurement, next->measurement, *settings);
  warn_of_single_runs(comparison, *base, *next);
  return arguments.verdict.publish(comparison, page_of(*base), page_of(*next));
}

}  // namespace

Run add_compare(CLI::App& command) {
  auto arguments = std::make_shared<CompareArguments>();
  command.add_option("BASE", arguments->base, "What it is to be measured against")->required();
  command.add_option("NEW", arguments->next, "What may have got worse")->required();
  command.add_option("--store", arguments->store, "Where runs are kept")->capture_default_str();
  arguments->verdict.add_to(command);
  command.footer(footer);
  return [arguments] { return run_compare(*arguments); };
}

}  // namespace netobs::cli
