#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

#include "app/stored_run.hpp"
#include "command.hpp"
#include "core/compare/comparison.hpp"
#include "html_page.hpp"
#include "run_options.hpp"
#include "verdict_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nBASE and NEW are files written by netobs rtt --json or by Google Benchmark\n"
    "(--benchmark_out), or runs of the store: the first digits of an id, or last. A run is judged "
    "by its\n"
    "blocks of 100 probes or more, benchmarks by their repetitions. Two runs one after the other "
    "also\n"
    "differ by what the machine did meanwhile: netobs gate measures in turns and is the better "
    "judge.\n"
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
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) {
    return fail({.what = "read " + path, .sys_errno = errno, .cause = "", .remedy = ""});
  }
  return std::move(text).str();
}

struct Side {
  compare::Measurement measurement;
  std::optional<report::PageData> page;  ///< of a stored run, where a page is wanted
};

Result<Side> stored(const std::string& which, const std::string& store, bool with_page) {
  NETOBS_TRY(opened, open_for_reading(store));
  NETOBS_TRY(run, opened->find_run(which));
  NETOBS_TRY(document, report::from_json(run.document));
  NETOBS_TRY(measurement, compare::measurement_of(document));
  Side side{std::move(measurement), std::nullopt};
  if (with_page) {
    NETOBS_TRY(page, app::load_page(*opened, store::run_id_text(run.run_id)));
    side.page = std::move(page);
  }
  return side;
}

Result<Side> side(const std::string& which, const std::string& store, bool with_page) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(which, ignored)) return stored(which, store, with_page);
  NETOBS_TRY(text, text_of(which));
  NETOBS_TRY(measurement, compare::parse_measurement(text, which));
  return Side{std::move(measurement), std::nullopt};
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
  return arguments.verdict.publish(
      compare::compare(base->measurement, next->measurement, *settings), page_of(*base),
      page_of(*next));
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
