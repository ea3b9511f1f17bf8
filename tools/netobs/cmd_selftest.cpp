#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/features.hpp"
#include "app/selftest/cost.hpp"
#include "app/selftest/selftest.hpp"
#include "command.hpp"
#include "live_run.hpp"
#include "run_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nBetween two network namespaces of its own it delays probes on purpose, by known amounts,\n"
    "at one place at a time: the sender's qdisc, the network, the reflector's ingress, the\n"
    "reflector's and the sender's application. Then it prints how well each delay was recovered,\n"
    "how much of it leaked into other segments, whether injected losses, duplicates and\n"
    "reordering were counted exactly, and whether other instruments saw the same times.\n"
    "Exit status 3 when a bound was missed, 1 when interrupted; what this machine cannot do is\n"
    "skipped and says why.\n"
    "\n"
    "Takes about a minute and spins on two CPUs: other busy programs disturb it. Needs root, and\n"
    "ip and tc (iproute2); tcpdump and tshark for one of the comparisons. Leaves nothing behind.\n"
    "\n"
    "--interfaces refuses what carries an address or belongs to a bridge or bond. Both come back\n"
    "when it ends; after kill -9 the kernel returns real ones to the initial namespace, down.\n"
    "\n"
    "--cost measures something else: what each layer, switched on, adds to the round trip.";

struct SelftestArguments {
  std::size_t probes = 50;
  std::uint64_t seed = 1;
  std::string transport = "syscall";
  std::vector<std::string> interfaces;
  std::vector<std::string> without;
  std::string json_file;
  bool quiet = false;
  bool cost = false;
  std::size_t rounds = 10;
};

/// Asked for here, once, and not found out at each place.
Result<void> check_names(const SelftestArguments& arguments) {
  NETOBS_TRY(features, app::features_without(arguments.without));
  (void)features;
  std::string names = "auto";
  for (const auto& kind : transport_table()) {
    if (kind.name == arguments.transport) return {};
    names += fmt::format(", {}", kind.name);
  }
  if (arguments.transport == "auto") return {};
  return fail(
      {.what = fmt::format("--transport {}: there is none of that name", arguments.transport),
       .cause = "",
       .remedy = fmt::format("Choose one of: {}.", names),
       .exit = ExitCode::usage});
}

Result<app::selftest::SelftestOptions> to_options(const SelftestArguments& arguments) {
  using std::chrono::microseconds;
  app::selftest::SelftestOptions options;
  NETOBS_TRY_VOID(check_names(arguments));
  NETOBS_TRY(layers, app::parse_layers("auto"));
  options.setup = app::selftest::make_setup(layers);
  options.setup.transport = arguments.transport;
  options.setup.disabled.names = arguments.without;
  options.delays = {microseconds(0),    microseconds(50),   microseconds(200),
                    microseconds(1000), microseconds(5000), microseconds(20'000)};
  options.probes_per_delay = arguments.probes;
  options.seed = arguments.seed;
  if (!arguments.interfaces.empty()) {
    if (arguments.interfaces.size() != 2 || arguments.interfaces[0] == arguments.interfaces[1]) {
      return fail({.what = "--interfaces wants two different names, A,B",
                   .cause = "",
                   .remedy = "",
                   .exit = ExitCode::usage});
    }
    options.interfaces.emplace(arguments.interfaces[0], arguments.interfaces[1]);
  }
  return options;
}

Result<void> show(const SelftestArguments& arguments, const std::string& text,
                  const std::string& json) {
  if (!arguments.quiet && arguments.json_file != "-") fmt::print("{}", text);
  if (arguments.json_file.empty()) return {};
  return write_output(arguments.json_file, json);
}

int run_cost(const SelftestArguments& arguments, const app::selftest::Setup& setup) {
  const app::selftest::CostOptions options{
      .setup = setup, .rounds = arguments.rounds, .seed = arguments.seed};
  std::optional<Result<app::selftest::CostResult>> outcome;
  const auto watched = run_watched(
      {}, progress_line(arguments.quiet),
      [&](app::RunControl& control) { outcome = app::selftest::measure_cost(options, control); });
  if (!watched) return report_error(watched.error());
  if (!*outcome) return report_error(outcome->error());
  const auto& result = **outcome;
  const auto shown = show(arguments, app::selftest::cost_text(result, terminal_style()),
                          app::selftest::cost_json(result));
  if (!shown) return report_error(shown.error());
  return static_cast<int>(result.interrupted ? ExitCode::failed : ExitCode::ok);
}

int run_selftest(const SelftestArguments& arguments) {
  const auto options = to_options(arguments);
  if (!options) return report_error(options.error());
  if (arguments.cost) return run_cost(arguments, options->setup);
  std::optional<Result<app::selftest::SelftestResult>> outcome;
  const auto watched = run_watched(
      {}, progress_line(arguments.quiet),
      [&](app::RunControl& control) { outcome = app::selftest::run_selftest(*options, control); });
  if (!watched) return report_error(watched.error());
  if (!*outcome) return report_error(outcome->error());
  const auto& result = **outcome;
  const auto shown = show(arguments, app::selftest::selftest_text(result, terminal_style()),
                          app::selftest::selftest_json(result));
  if (!shown) return report_error(shown.error());
  if (result.interrupted) return static_cast<int>(ExitCode::failed);
  return static_cast<int>(result.passed() ? ExitCode::ok : ExitCode::invariant);
}

}  // namespace

Run add_selftest(CLI::App& command) {
  auto arguments = std::make_shared<SelftestArguments>();
  command.add_option("--probes", arguments->probes, "Per delay and place")
      ->check(CLI::Range(10, 10'000))
      ->capture_default_str();
  command.add_option("--seed", arguments->seed, "Repeats the order of the delays")
      ->capture_default_str();
  command
      .add_option(
          "--interfaces", arguments->interfaces,
          "A,B: a pair of unused interfaces that are cabled together, instead of a veth pair")
      ->delimiter(',');
  command.add_option("--transport", arguments->transport, "auto, io_uring or syscall")
      ->capture_default_str();
  command.add_option("--without", arguments->without, "Pretend that a kernel feature is missing")
      ->delimiter(',');
  command.add_option("--json", arguments->json_file,
                     "Write the result as JSON; - = standard output");
  command.add_flag("--cost", arguments->cost, "Measure what each layer costs instead");
  command
      .add_option("--rounds", arguments->rounds, "Of --cost: each has a block per set of layers")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  command.add_flag("-q,--quiet", arguments->quiet, "No text and no progress line");
  command.footer(footer);
  return [arguments] { return run_selftest(*arguments); };
}

}  // namespace netobs::cli
