#include <fmt/format.h>
#include <sys/socket.h>

#include <memory>
#include <optional>

#include "app/conditions/check.hpp"
#include "command.hpp"
#include "core/conditions/ping_text.hpp"
#include "core/conditions/render.hpp"
#include "core/session/schedule.hpp"
#include "live_run.hpp"
#include "run_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nThroughput needs iperf3 here, and its servers on HOST: netobs reflect --iperf3. Uploads go "
    "to\n"
    "the first port, downloads come from the second; the four tests run one after the other and "
    "fill\n"
    "the link. Everything else needs nothing on HOST. An item that cannot be measured says why, "
    "and\n"
    "the rest is measured; the row goes to the table udp_metrics. Ctrl-C ends early and keeps "
    "what\n"
    "was measured. Exit status 1 when nothing came back at all.\n"
    "\n--loaded measures the round trip to the reflector on HOST three times, idle, beside a TCP\n"
    "upload and beside a TCP download, and says which segment the queue is in. It needs netobs\n"
    "reflect --iperf3 on HOST; with root here and there it sees every segment.\n"
    "\nExamples:\n"
    "  netobs check server\n"
    "  sudo netobs check server --loaded --no-throughput\n"
    "  netobs check server --udp-rate 100M --store mysql://user@db/network_performance\n"
    "  netobs check 198.18.0.2 --no-throughput --no-public-ip --json -";

struct CheckArguments {
  std::string host;
  bool v4 = false;
  bool v6 = false;
  std::uint16_t echoes = 50;
  std::string echo_interval = "20ms";
  bool no_throughput = false;
  std::vector<std::uint16_t> ports{5092, 5093};
  int seconds = 3;
  std::string udp_rate = "10M";
  bool loaded = false;
  std::string loaded_time = "5s";
  std::uint16_t reflector_port = 862;
  bool no_public_ip = false;
  std::string public_ip_url = "https://api.ipify.org";
  std::vector<std::string> stores;
  bool no_store = false;
  std::string json_file;
  bool quiet = false;
};

Error usage(std::string what, std::string remedy) {
  return {
      .what = std::move(what), .cause = "", .remedy = std::move(remedy), .exit = ExitCode::usage};
}

Result<app::CheckOptions> to_options(const CheckArguments& given) {
  app::CheckOptions options;
  if (given.host.empty() || given.host.starts_with('-')) {
    return fail(usage(fmt::format("'{}' is not a host", given.host), ""));
  }
  if (given.ports.size() != 2) return fail(usage("--ports wants two: UPLOAD,DOWNLOAD", ""));
  if (!given.public_ip_url.starts_with("http://") && !given.public_ip_url.starts_with("https://")) {
    return fail(usage("--public-ip-url wants http:// or https://", ""));
  }
  options.host = given.host;
  options.address_family = given.v4 ? AF_INET : given.v6 ? AF_INET6 : 0;
  options.echoes = given.echoes;
  NETOBS_TRY(interval, parse_duration(given.echo_interval));
  if (interval < std::chrono::milliseconds(1) || interval > std::chrono::seconds(60)) {
    return fail(usage("--echo-interval goes from 1ms to 60s", ""));
  }
  options.echo_interval = interval;
  options.throughput = !given.no_throughput;
  options.upload_port = given.ports[0];
  options.download_port = given.ports[1];
  options.test_time = std::chrono::seconds(given.seconds);
  NETOBS_TRY(rate, conditions::parse_bit_rate(given.udp_rate));
  options.udp_rate_bps = rate;
  options.loaded = given.loaded;
  options.reflector_port = given.reflector_port;
  NETOBS_TRY(loaded_time, parse_duration(given.loaded_time));
  if (loaded_time < std::chrono::seconds(1) || loaded_time > std::chrono::minutes(10)) {
    return fail(usage("--loaded-time goes from 1s to 10min", ""));
  }
  options.loaded_time = loaded_time;
  options.public_ip = !given.no_public_ip;
  options.public_ip_url = given.public_ip_url;
  if (!given.no_store) {
    options.stores =
        given.stores.empty() ? std::vector<std::string>{default_store()} : given.stores;
  }
  options.spool_directory = default_spool_directory();
  return options;
}

int run_check(const CheckArguments& given) {
  const auto options = to_options(given);
  if (!options) return report_error(options.error());
  std::optional<Result<conditions::Conditions>> outcome;
  const auto watched = run_watched({}, progress_line(given.quiet), [&](app::RunControl& control) {
    outcome = app::run_check(*options, control);
  });
  if (!watched) return report_error(watched.error());
  if (!*outcome) return report_error(outcome->error());
  const auto& found = **outcome;
  if (!given.quiet && given.json_file != "-") {
    fmt::print("{}", conditions::check_text(found, options->limits, terminal_style()));
  }
  if (!given.json_file.empty()) {
    const auto written =
        write_output(given.json_file, conditions::check_json(found, options->limits));
    if (!written) return report_error(written.error());
  }
  return static_cast<int>(found.measured_anything() ? ExitCode::ok : ExitCode::failed);
}

void add_path(CLI::App& command, CheckArguments& arguments) {
  command.add_option("HOST", arguments.host, "Name or address of the other host")->required();
  auto* four = command.add_flag("-4", arguments.v4, "IPv4 only");
  command.add_flag("-6", arguments.v6, "IPv6 only")->excludes(four);
  command.add_option("--echoes", arguments.echoes, "ICMP echo requests to send")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command.add_option("--echo-interval", arguments.echo_interval, "Between two of them")
      ->capture_default_str();
}

void add_throughput(CLI::App& command, CheckArguments& arguments) {
  command.add_flag("--no-throughput", arguments.no_throughput, "Leave iperf3 out");
  command
      .add_option("--ports", arguments.ports,
                  "UPLOAD,DOWNLOAD: the iperf3 servers' ports (default 5092,5093)")
      ->delimiter(',')
      ->check(CLI::Range(1, 65535));
  command.add_option("-t,--time", arguments.seconds, "Seconds of each iperf3 test")
      ->capture_default_str()
      ->check(CLI::Range(1, 600));
  command.add_option("--udp-rate", arguments.udp_rate, "Target of the UDP tests, in bit/s")
      ->capture_default_str();
}

void add_loaded(CLI::App& command, CheckArguments& arguments) {
  command.add_flag("--loaded", arguments.loaded,
                   "Also the latency of probes while iperf3 fills the link, beside the idle one");
  command
      .add_option("--loaded-time", arguments.loaded_time,
                  "Of each of its three runs: 5s, 1min; at 100 probes/s")
      ->capture_default_str();
  command
      .add_option("--reflector-port", arguments.reflector_port,
                  "UDP port of the reflector on HOST that answers these probes")
      ->capture_default_str()
      ->check(CLI::Range(1, 65535));
}

void add_output(CLI::App& command, CheckArguments& arguments) {
  command
      .add_option("--public-ip-url", arguments.public_ip_url,
                  "Service that answers with this host's public address")
      ->capture_default_str();
  command.add_flag("--no-public-ip", arguments.no_public_ip, "Ask nobody for the public address");
  command.add_option(
      "--store", arguments.stores,
      "Where to keep the row, as for rtt (repeatable, default NETOBS_STORE, else netobs.db)");
  command.add_flag("--no-store", arguments.no_store, "Keep nothing");
  command.add_option("--json", arguments.json_file,
                     "Write the result as JSON; - = standard output");
  command.add_flag("-q,--quiet", arguments.quiet, "No text and no progress line");
}

}  // namespace

Run add_check(CLI::App& command) {
  auto arguments = std::make_shared<CheckArguments>();
  add_path(command, *arguments);
  add_throughput(command, *arguments);
  add_loaded(command, *arguments);
  add_output(command, *arguments);
  command.footer(footer);
  return [arguments] { return run_check(*arguments); };
}

}  // namespace netobs::cli
