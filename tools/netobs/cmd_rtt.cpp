#include <fmt/format.h>

#include <memory>
#include <optional>

#include "app/compare_transports.hpp"
#include "app/measure.hpp"
#include "command.hpp"
#include "core/session/disguise.hpp"
#include "live_run.hpp"
#include "run_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nExamples:\n"
    "  netobs rtt 198.18.0.2                          1000 probes, one per millisecond, all "
    "layers\n"
    "  netobs rtt server --ping-pong --wait spin --cpu 2    the lowest latency this path can show\n"
    "  netobs rtt server --rate 20kpps --duration 10s       under load\n"
    "  netobs rtt server --layers app,kernel --json -       without BPF, for a machine\n"
    "  netobs rtt server --compare-transports --wait spin   what the kernel's stack costs\n"
    "\nCtrl-C ends the run early and keeps what was measured; once more leaves at once.\n"
    "Without root: app and kernel layers still work (--layers auto measures what it can).";

struct CompareArguments {
  bool on = false;
  std::uint32_t rounds = 10;
};

int run_comparison(const RunOptions& options, const app::RunConfig& config,
                   const CompareArguments& compare) {
  app::CompareOptions wanted{.run = config, .rounds = compare.rounds};
  // Where nothing else was asked for: the comparison that shows the stack best.
  const bool scheduled = options.ping_pong || !options.interval.empty() ||
                         !options.poisson.empty() || !options.rate.empty();
  if (!scheduled) wanted.run.schedule.kind = ScheduleKind::ping_pong;
  constexpr std::uint64_t block = 500;
  if (options.count == 0 && options.duration.empty()) wanted.run.count = block;
  std::optional<Result<report::TransportComparison>> outcome;
  const auto watched = run_watched({}, progress_line(options.quiet), [&](app::RunControl& control) {
    outcome = app::compare_transports(wanted, control);
  });
  if (!watched) return report_error(watched.error());
  if (!*outcome) return report_error(outcome->error());
  const auto& found = **outcome;
  if (!options.quiet && options.json_file != "-") {
    fmt::print("{}", report::render_text(found, terminal_style()));
  }
  if (!options.json_file.empty()) {
    const auto written = write_output(options.json_file, report::render_json(found));
    if (!written) return report_error(written.error());
  }
  return static_cast<int>(ExitCode::ok);
}

int run_rtt(const RunOptions& options, const std::string& target, std::string command_line,
            const CompareArguments& compare) {
  auto config = options.to_config();
  if (!config) return report_error(config.error());
  const auto host_port = split_host_port(target);
  if (!host_port) return report_error(host_port.error());
  config->host = host_port->first;
  if (host_port->second != 0) config->port = host_port->second;
  if (config->nic.ptp_disguise && config->port != ptp_event_port) {
    return report_error({.what = fmt::format("--ptp-disguise to port {}", config->port),
                         .cause = "NICs know PTP event messages by port 319.",
                         .remedy = "Leave the port out.",
                         .exit = ExitCode::usage});
  }
  config->command_line = std::move(command_line);
  if (compare.on) return run_comparison(options, *config, compare);
  return run_and_print(options, *config, [&config](app::RunControl& control) {
    return app::measure(*config, control);
  });
}

}  // namespace

Run add_rtt(CLI::App& command) {
  auto options = std::make_shared<RunOptions>();
  auto target = std::make_shared<std::string>();
  command
      .add_option("HOST[:PORT]", *target, "The reflector: name or address (port 862 unless given)")
      ->required();
  options->add_to(command);
  options->add_path_options(command);
  auto compare = std::make_shared<CompareArguments>();
  auto* on = command.add_flag("--compare-transports", compare->on,
                              "Measure over every transport in turns and say what the kernel's "
                              "network stack costs; stores nothing. Ping-pong, blocks of 500, "
                              "unless said otherwise");
  on->excludes(command.get_option("--html"));
  on->excludes(command.get_option("--write"));
  command.add_option("--rounds", compare->rounds, "Blocks of each transport")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->needs(on);
  command.footer(footer);
  return [options, target, compare, &command] {
    return run_rtt(*options, *target, "netobs rtt " + *target + describe_options(command),
                   *compare);
  };
}

}  // namespace netobs::cli
