#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>

#include "app/gate.hpp"
#include "command.hpp"
#include "core/session/schedule.hpp"
#include "live_run.hpp"
#include "run_options.hpp"
#include "verdict_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nEach run of a command is one block. Blocks of A and B take turns in random order, so that "
    "what the\n"
    "machine does meanwhile meets both; the first rounds are dropped; it ends once the interval "
    "of the\n"
    "first metric is narrow enough, or the rounds or the budget are spent. What then looks worse "
    "is\n"
    "measured again, just as long, and counts only if it is worse again. A command that writes "
    "the JSON\n"
    "of netobs rtt or of Google Benchmark on standard output is judged by what is in it, any "
    "other by the\n"
    "time it takes. Commands never go through a shell: sh -c '...' does that.\n"
    "\nExit status: 0 nothing is worse, 4 something is.\n"
    "\nExamples:\n"
    "  netobs gate -- netobs rtt HOST_A --json - -q --no-store -- netobs rtt HOST_B --json - -q "
    "--no-store\n"
    "  netobs gate -- ./bench_main --benchmark_format=json -- ./bench_branch "
    "--benchmark_format=json\n"
    "  netobs gate --budget 5min --junit verdict.xml -- ./old/netobs rtt HOST --json - -q -- "
    "./new/netobs rtt HOST --json - -q\n"
    "  netobs gate -- sh -c 'sysctl -qw net.core.busy_poll=0;  exec netobs rtt HOST --json - -q' "
    "\\\n"
    "              -- sh -c 'sysctl -qw net.core.busy_poll=50; exec netobs rtt HOST --json - -q'";

struct GateArguments {
  std::vector<std::string> words;
  std::string budget = "60s";
  std::string block_limit = "120s";
  std::uint32_t least_rounds = 16;
  std::uint32_t most_rounds = 60;
  std::uint32_t warm_up = 1;
  std::optional<std::uint64_t> seed;
  VerdictOptions verdict;
};

Error usage(std::string what) {
  return {.what = std::move(what),
          .cause = "",
          .remedy = "netobs gate [OPTIONS] -- A_COMMAND... -- B_COMMAND...",
          .exit = ExitCode::usage};
}

/// The second "--" parts the two commands; the first ended the options.
Result<void> split_commands(const std::vector<std::string>& words, app::GateOptions& options) {
  auto first = words.begin();
  if (first != words.end() && *first == "--") ++first;
  const auto middle = std::find(first, words.end(), "--");
  if (middle == words.end()) return fail(usage("there is no \"--\" between two commands"));
  options.base.assign(first, middle);
  options.next.assign(middle + 1, words.end());
  if (options.base.empty() || options.next.empty()) {
    return fail(usage("one of the commands is empty"));
  }
  return {};
}

Result<app::GateOptions> to_options(const GateArguments& given) {
  app::GateOptions options;
  NETOBS_TRY_VOID(split_commands(given.words, options));
  NETOBS_TRY(settings, given.verdict.settings(compare::Design::paired));
  options.settings = settings;
  NETOBS_TRY(budget, parse_duration(given.budget));
  options.budget = budget;
  NETOBS_TRY(block_limit, parse_duration(given.block_limit));
  options.block_limit = block_limit;
  options.least_rounds = given.least_rounds;
  options.most_rounds = std::max(given.most_rounds, given.least_rounds);
  options.warm_up_rounds = given.warm_up;
  options.seed = given.seed ? *given.seed : std::random_device{}();
  return options;
}

int run_gate(const GateArguments& given) {
  const auto options = to_options(given);
  if (!options) return report_error(options.error());
  std::optional<Result<compare::Comparison>> outcome;
  const auto watched =
      run_watched({}, progress_line(given.verdict.quiet),
                  [&](app::RunControl& control) { outcome = app::gate(*options, control); });
  if (!watched) return report_error(watched.error());
  if (!*outcome) return report_error(outcome->error());
  return given.verdict.publish(**outcome);
}

}  // namespace

Run add_gate(CLI::App& command) {
  auto arguments = std::make_shared<GateArguments>();
  command
      .add_option("COMMANDS", arguments->words, "-- A_COMMAND... -- B_COMMAND...: base, then new")
      ->required();
  command.add_option("--budget", arguments->budget, "Time for a look, of which there may be two")
      ->capture_default_str();
  command.add_option("--min-rounds", arguments->least_rounds, "Rounds of a look at least")
      ->capture_default_str()
      ->check(CLI::Range(6, 1000));
  command.add_option("--max-rounds", arguments->most_rounds, "Rounds of a look at most")
      ->capture_default_str()
      ->check(CLI::Range(6, 1000));
  command.add_option("--warm-up", arguments->warm_up, "Rounds to drop at the start")
      ->capture_default_str()
      ->check(CLI::Range(0, 100));
  command.add_option("--block-limit", arguments->block_limit, "Time that a block may take")
      ->capture_default_str();
  command.add_option("--seed", arguments->seed, "Of the order within the rounds; printed");
  arguments->verdict.add_to(command);
  command.footer(footer);
  return [arguments] { return run_gate(*arguments); };
}

}  // namespace netobs::cli
