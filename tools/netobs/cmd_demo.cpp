#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "app/demo.hpp"
#include "command.hpp"
#include "live_run.hpp"
#include "run_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nA reflector and a sender in two network namespaces of their own, joined by a veth pair:\n"
    "real sockets, real kernel path, no wire. Needs root; leaves nothing behind but the rows.";
constexpr std::uint64_t default_count = 10'000;
constexpr const char* default_interval = "500us";

int run_demo(RunOptions options, std::string command_line) {
  if (options.count == 0 && options.duration.empty()) options.count = default_count;
  const bool scheduled = !options.interval.empty() || !options.poisson.empty() ||
                         !options.rate.empty() || options.ping_pong;
  if (!scheduled) options.interval = default_interval;
  auto config = options.to_config();
  if (!config) return report_error(config.error());
  config->command_line = std::move(command_line);
  return run_and_print(options, *config, [&config](app::RunControl& control) {
    return app::run_demo(*config, control);
  });
}

}  // namespace

Run add_demo(CLI::App& command) {
  auto options = std::make_shared<RunOptions>();
  options->add_to(command);
  command.footer(footer);
  return
      [options, &command] { return run_demo(*options, "netobs demo" + describe_options(command)); };
}

}  // namespace netobs::cli
