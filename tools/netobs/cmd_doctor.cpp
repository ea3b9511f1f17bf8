#include <fmt/format.h>

#include <memory>
#include <optional>
#include <thread>

#include "app/doctor.hpp"
#include "command.hpp"
#include "run_options.hpp"
#include "signals.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nEvery \"yes\" is proven by probes that were sent and came back with that timestamp.\n"
    "Without HOST the probes go over loopback to a reflector inside this process; with HOST over "
    "the\n"
    "real way there, and the reflector's points are shown too. Run it with and without sudo to "
    "see\n"
    "what the privileges buy.";

int run_doctor(const RunOptions& options, const std::string& target, bool json) {
  auto config = options.to_config();
  if (!config) return report_error(config.error());
  config->keep_store = false;
  if (!target.empty()) {
    const auto host_port = split_host_port(target);
    if (!host_port) return report_error(host_port.error());
    config->host = host_port->first;
    if (host_port->second != 0) config->port = host_port->second;
  }
  auto signals = Signals::block();
  if (!signals) return report_error(signals.error());
  app::RunControl control;
  std::optional<Result<app::Diagnosis>> outcome;
  std::atomic<bool> done{false};
  std::thread worker([&] {
    outcome = app::diagnose(*config, control);
    done.store(true, std::memory_order_release);
  });
  constexpr int poll_ms = 50;
  while (!done.load(std::memory_order_acquire)) {
    if (signals->wait(poll_ms)) control.request_stop();
  }
  worker.join();
  if (!*outcome) return report_error(outcome->error());
  fmt::print("{}", json ? app::diagnosis_json(**outcome) : app::diagnosis_text(**outcome));
  return static_cast<int>(ExitCode::ok);
}

}  // namespace

Run add_doctor(CLI::App& command) {
  auto options = std::make_shared<RunOptions>();
  auto target = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  command.add_option("HOST[:PORT]", *target, "Try the way to this reflector instead of loopback");
  command.add_option("--transport", options->transport, "auto, io_uring or syscall")
      ->capture_default_str();
  command.add_option("-I,--interface", options->interface, "Send through this interface only");
  command.add_flag("--nic-force", options->nic.force,
                   "Try the NIC although a PTP program depends on its timestamping");
  command.add_option("--without", options->without, "Pretend that a kernel feature is missing")
      ->delimiter(',');
  command.add_option("--auth-key-file", options->auth_key_file, "For an authenticated reflector");
  command.add_flag("--json", *json, "As JSON");
  command.footer(footer);
  return [options, target, json] { return run_doctor(*options, *target, *json); };
}

}  // namespace netobs::cli
