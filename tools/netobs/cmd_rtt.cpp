#include <fmt/format.h>

#include <memory>

#include "app/measure.hpp"
#include "command.hpp"
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
    "\nCtrl-C ends the run early and keeps what was measured; once more leaves at once.\n"
    "Without root: app and kernel layers still work (--layers auto measures what it can).";

int run_rtt(const RunOptions& options, const std::string& target, std::string command_line) {
  auto config = options.to_config();
  if (!config) return report_error(config.error());
  const auto host_port = split_host_port(target);
  if (!host_port) return report_error(host_port.error());
  config->host = host_port->first;
  if (host_port->second != 0) config->port = host_port->second;
  config->command_line = std::move(command_line);
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
  command.footer(footer);
  return [options, target, &command] {
    return run_rtt(*options, *target, "netobs rtt " + *target + describe_options(command));
  };
}

}  // namespace netobs::cli
