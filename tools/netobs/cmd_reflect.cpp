#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>

#include "app/conditions/iperf3_servers.hpp"
#include "app/reflector_service.hpp"
#include "app/xdp_reflector_service.hpp"
#include "command.hpp"
#include "core/session/disguise.hpp"
#include "core/wire/packet.hpp"
#include "linux/os/socket.hpp"
#include "nic_options.hpp"
#include "run_options.hpp"
#include "signals.hpp"
#include "xdp_options.hpp"

namespace netobs::cli {
namespace {

constexpr const char* footer =
    "\nAnswers standard STAMP (RFC 8762, TLVs of RFC 8972) and TWAMP-Light senders. To `netobs "
    "rtt` it\n"
    "also reports its own timestamps of every probe. A reply is never larger than a request of 44\n"
    "bytes or more. Runs until Ctrl-C or SIGTERM, then prints its counters.\n"
    "\nExamples:\n"
    "  sudo netobs reflect\n"
    "  sudo netobs reflect --listen 198.18.0.2:8620 --allow 198.18.0.0/15 --wait spin --cpu 3";

struct ReflectOptions {
  std::string listen;
  std::string interface;
  std::string transport = "auto";
  std::string layers = "auto";
  std::string wait = "block";
  int cpu = -1;
  std::string auth_key_file;
  std::vector<std::string> allow;
  std::string rate;
  std::uint32_t max_sessions = 256;
  bool stateless = false;
  bool answer_own_port = false;
  bool quiet = false;
  std::vector<std::string> without;
  XdpOptions xdp;
  NicOptions nic;
  std::string mode = "stack";
  bool iperf3 = false;
  std::vector<std::uint16_t> iperf3_ports{5092, 5093};
};

Result<Prefix> parse_prefix(const std::string& text) {
  const auto slash = text.find('/');
  NETOBS_TRY(addresses, os::resolve(text.substr(0, slash), 0));
  const unsigned whole = addresses.front().is_v4() ? 32 : 128;
  unsigned length = whole;
  if (slash != std::string::npos) {
    const auto* first = text.data() + slash + 1;
    const auto* last = text.data() + text.size();
    const auto [end, code] = std::from_chars(first, last, length);
    if (code != std::errc{} || end != last || length > whole) {
      return fail({.what = fmt::format("'{}' is not a prefix", text),
                   .cause = "",
                   .remedy = "Example: 198.18.0.0/15.",
                   .exit = ExitCode::usage});
    }
  }
  return Prefix::of(addresses.front(), length);
}

Result<Endpoint> parse_listen(const std::string& text, std::uint16_t default_port) {
  Endpoint any;
  any.port = default_port;
  if (text.empty()) return any;
  if (text.starts_with(':')) {
    NETOBS_TRY(parts, split_host_port("any" + text));
    any.port = parts.second;
    return any;
  }
  NETOBS_TRY(parts, split_host_port(text));
  const auto port = parts.second == 0 ? default_port : parts.second;
  NETOBS_TRY(addresses, os::resolve(parts.first, port));
  return addresses.front();
}

Result<app::ReflectorOptions> to_options(const ReflectOptions& given) {
  app::ReflectorOptions options;
  NETOBS_TRY(nic, given.nic.request());
  options.nic = nic;
  NETOBS_TRY(listen,
             parse_listen(given.listen, nic.ptp_disguise ? ptp_event_port : wire::default_port));
  if (nic.ptp_disguise && listen.port != ptp_event_port) {
    return fail({.what = fmt::format("--ptp-disguise on port {}", listen.port),
                 .cause = "NICs know PTP event messages by port 319.",
                 .remedy = "Leave the port out of --listen.",
                 .exit = ExitCode::usage});
  }
  options.listen = listen;
  NETOBS_TRY(layers, app::parse_layers(given.layers));
  options.layers = layers;
  options.interface = given.interface;
  options.transport = given.transport;
  options.af_xdp = given.xdp.af_xdp();
  options.busy_poll_us = given.xdp.busy_poll_us;
  options.wait = given.wait == "spin" ? WaitMode::spin : WaitMode::block;
  if (given.cpu >= 0) options.cpu = given.cpu;
  options.max_sessions = given.max_sessions;
  options.stateful = !given.stateless;
  options.answer_own_port = given.answer_own_port;
  options.disabled.names = given.without;
  if (!given.rate.empty()) {
    NETOBS_TRY(per_second, parse_rate(given.rate));
    options.rate.packets_per_second = static_cast<std::uint32_t>(per_second);
    options.rate.burst_packets = std::max(1U, options.rate.packets_per_second / 10);
  }
  for (const auto& text : given.allow) {
    NETOBS_TRY(prefix, parse_prefix(text));
    options.allow.push_back(prefix);
  }
  if (!given.auth_key_file.empty()) {
    NETOBS_TRY(key, read_key_file(given.auth_key_file));
    options.auth_key = key;
  }
  return options;
}

void print_start(const app::ReflectorState& state, const app::ReflectorOptions& options) {
  fmt::print(stderr, "netobs reflect: answering on {}, {} mode, {}\n", state.local.text(),
             options.auth_key.empty() ? "unauthenticated" : "authenticated", state.transport);
  std::string names;
  for (const auto& row : point_table) {
    if (state.points.has(row.point)) names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  fmt::print(stderr, "records  {}\n", names);
  if (!state.nic.empty()) fmt::print(stderr, "NIC      {}\n", state.nic);
  for (const auto& remark : state.remarks) fmt::print(stderr, "         {}\n", remark);
  for (const auto& reason : state.refused) fmt::print(stderr, "without  {}\n", reason);
}

void print_counters(const ReflectorCounters& counters) {
  fmt::print("received {}   answered {}   sessions {}\n", counters.received, counters.answered,
             counters.sessions_opened);
  for (std::size_t i = 0; i < drop_count; ++i) {
    if (counters.dropped[i] == 0) continue;
    fmt::print("dropped  {} {}\n", counters.dropped[i], name(static_cast<Drop>(i)));
  }
  const auto row = [](std::uint64_t count, const char* what) {
    if (count > 0) fmt::print("         {} {}\n", count, what);
  };
  row(counters.tlvs_unrecognised, "TLVs not recognised");
  row(counters.tlvs_malformed, "requests with a malformed TLV");
  row(counters.tlvs_integrity_failed, "requests whose TLVs failed authentication");
  row(counters.skipped_by_nic, "transmissions that the NIC did not stamp");
  row(counters.impossible_hardware, "hardware timestamps that cannot be of their packets");
  row(counters.send_failures, "replies that could not be sent");
}

/// On the reflector's address, so that one flag decides who may reach either.
Result<std::unique_ptr<app::Iperf3Servers>> start_iperf3(const ReflectOptions& given,
                                                         const app::ReflectorOptions& options) {
  app::Iperf3ServerOptions servers;
  servers.ports = given.iperf3_ports;
  if (!options.listen.is_unspecified()) servers.bind_address = options.listen.address_text();
  servers.report = [](const std::string& line) {
    fmt::print(stderr, "netobs reflect: {}\n", line);
  };
  return app::Iperf3Servers::start(std::move(servers));
}

int run_in_xdp(const ReflectOptions& given, const app::ReflectorOptions& options,
               Signals& signals) {
  auto service = app::XdpReflectorService::start(options);
  if (!service) return report_error(service.error());
  if (!given.quiet) print_start(service->state(), options);
  constexpr int refresh_ms = 1000;
  while (!signals.wait(refresh_ms)) service->refresh();
  print_counters(service->stop());
  return static_cast<int>(ExitCode::ok);
}

int run_reflect(const ReflectOptions& given) {
  const auto options = to_options(given);
  if (!options) return report_error(options.error());
  auto signals = Signals::block();
  if (!signals) return report_error(signals.error());
  if (given.mode == "xdp") return run_in_xdp(given, *options, *signals);
  auto service = app::ReflectorService::start(*options);
  if (!service) return report_error(service.error());
  std::unique_ptr<app::Iperf3Servers> servers;
  if (given.iperf3) {
    auto started = start_iperf3(given, *options);
    if (!started) return report_error(started.error());
    servers = std::move(*started);
  }
  if (!given.quiet) print_start(service->state(), *options);
  constexpr int forever_ms = 3'600'000;
  while (!signals->wait(forever_ms)) {
  }
  servers.reset();
  print_counters(service->stop());
  return static_cast<int>(ExitCode::ok);
}

}  // namespace

Run add_reflect(CLI::App& command) {
  auto options = std::make_shared<ReflectOptions>();
  command.add_option("-l,--listen", options->listen,
                     "ADDR, ADDR:PORT, [V6]:PORT or :PORT (default: every address, port 862)");
  command.add_option("-I,--interface", options->interface, "Answer on this interface only");
  command.add_option("--layers", options->layers, "What to record: auto, or names as for rtt")
      ->capture_default_str();
  command
      .add_option("--transport", options->transport,
                  "auto, syscall, io_uring, or af_xdp: past the kernel's network stack")
      ->capture_default_str();
  command
      .add_option("--mode", options->mode,
                  "stack: a program above the kernel's stack; xdp: an XDP program "
                  "in the driver, stateless, the shortest residence there is")
      ->capture_default_str()
      ->check(CLI::IsMember({"stack", "xdp"}));
  options->xdp.add_to(command, "AF_XDP and XDP");
  options->nic.add_to(command, "Hardware timestamps");
  command.add_option("--wait", options->wait, "spin answers fastest and keeps one CPU busy")
      ->capture_default_str()
      ->check(CLI::IsMember({"spin", "block"}));
  command.add_option("--cpu", options->cpu, "Pin the answering thread to this CPU")
      ->check(CLI::Range(0, 4095));
  command.add_option(
      "--auth-key-file", options->auth_key_file,
      "Authenticated mode: the first line of this file is the HMAC key on both ends");
  command.add_option("--allow", options->allow, "Answer only this prefix (repeatable)");
  command.add_option("--rate-limit", options->rate, "Packets per second of one source: 200kpps");
  command.add_option("--max-sessions", options->max_sessions, "Sessions at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 65536));
  command.add_flag("--stateless", options->stateless, "Copy the sender's sequence (RFC 8762 4.3)");
  command.add_flag(
      "--answer-own-port", options->answer_own_port,
      "Also answer requests from this very port; two reflectors can then echo for ever");
  command.add_option("--without", options->without, "Pretend that a kernel feature is missing")
      ->delimiter(',');
  auto* iperf3 = command.add_flag("--iperf3", options->iperf3,
                                  "Also run iperf3 servers, for the throughput of netobs check; "
                                  "anybody may fill the link then");
  command
      .add_option("--iperf3-ports", options->iperf3_ports,
                  "Their ports, one server each (default 5092,5093)")
      ->delimiter(',')
      ->check(CLI::Range(1, 65535))
      ->needs(iperf3);
  command.add_flag("-q,--quiet", options->quiet, "Print the counters only");
  command.footer(footer);
  return [options] { return run_reflect(*options); };
}

}  // namespace netobs::cli
