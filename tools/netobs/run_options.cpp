#include "run_options.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "core/session/disguise.hpp"
#include "store/url.hpp"

namespace netobs::cli {
namespace {

constexpr const char* results = "Results";  // the heading in --help

constexpr std::array<std::pair<const char*, WaitMode>, 3> wait_modes{
    {{"spin", WaitMode::spin}, {"block", WaitMode::block}, {"hybrid", WaitMode::hybrid}}};

Error usage(std::string what, std::string remedy) {
  return {
      .what = std::move(what), .cause = "", .remedy = std::move(remedy), .exit = ExitCode::usage};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

void RunOptions::add_to(CLI::App& command) {
  add_schedule(command);
  add_layers(command);
  add_output(command);
}

void RunOptions::add_schedule(CLI::App& command) {
  const auto* schedule = "Schedule";
  command
      .add_option("-c,--count", count,
                  "Probes to send (default 1000 when nothing else ends the run)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40U))
      ->group(schedule);
  command.add_option("-d,--duration", duration, "Send for this long: 10s, 5min")->group(schedule);
  auto* i = command.add_option("-i,--interval", interval,
                               "Isochronous: one probe every 1ms (default), 250us, ...");
  auto* p = command.add_option("--poisson", poisson, "Exponential gaps with this mean: 1ms");
  auto* g = command.add_flag("--ping-pong", ping_pong, "The next probe when the last is answered");
  auto* r = command.add_option("--rate", rate, "Isochronous at a rate: 20kpps");
  for (auto* one : {i, p, g, r}) {
    one->group(schedule);
    for (auto* other : {i, p, g, r}) {
      if (one != other) one->excludes(other);
    }
  }
  command
      .add_option("--seed", seed, "Seed of --poisson, to repeat a run (default: random, recorded)")
      ->group(schedule);
  command.add_option("--timeout", timeout, "A reply later than this counts as late")
      ->capture_default_str()
      ->group(schedule);
}

void RunOptions::add_layers(CLI::App& command) {
  const auto* how = "How to measure";
  command
      .add_option(
          "--layers", layers,
          "auto, or names: app,kernel,tc,socket,trace,nic,xdp,pcap. A named layer must start or "
          "the run fails; auto measures what it can, but for pcap, which copies every packet: "
          "pcap,auto")
      ->capture_default_str()
      ->group(how);
  command
      .add_option("--transport", transport,
                  "auto, syscall, io_uring, or af_xdp: past the kernel's network stack")
      ->capture_default_str()
      ->group(how);
  xdp.add_to(command, how);
  nic.add_to(command, how);
  command
      .add_option(
          "--wait", wait,
          "How to wait for replies and deadlines. spin: lowest latency, one CPU busy; block: "
          "sleep; hybrid: sleep, but spin the last 150 us before a probe is due")
      ->capture_default_str()
      ->check(CLI::IsMember({"spin", "block", "hybrid"}))
      ->group(how);
  command.add_option("--cpu", cpu, "Pin the measuring thread to this CPU")
      ->check(CLI::Range(0, 4095))
      ->group(how);
  command
      .add_option("--size", size_bytes,
                  "UDP payload in bytes (default: the smallest that carries all layers)")
      ->check(CLI::Range(44, 9000))
      ->group(how);
  command
      .add_option("--without", without,
                  "Pretend that this kernel lacks a feature, to try a fallback: scm_ts_opt_id, "
                  "uring_tx_timestamp, multishot, tcx, tai_clock, btf (repeatable)")
      ->delimiter(',')
      ->group(how);
}

void RunOptions::add_stores(CLI::App& command) {
  command
      .add_option("--store", stores,
                  "Where to keep the rows: FILE.db, sqlite:FILE, mysql://user@host:port/db, "
                  "jsonl:FILE (repeatable, default NETOBS_STORE, else netobs.db)")
      ->group(results);
  command.add_flag("--no-store", no_store, "Keep nothing")->group(results);
}

std::vector<std::string> RunOptions::chosen_stores() const {
  if (no_store) return {};
  return stores.empty() ? std::vector{default_store()} : stores;
}

void RunOptions::add_output(CLI::App& command) {
  const auto* output = results;
  add_stores(command);
  command
      .add_option("--json", json_file,
                  "Write the summary as JSON to a file, or - for standard output")
      ->group(output);
  command
      .add_option("--progress", progress,
                  "What a terminal shows meanwhile: auto = a live view where the terminal has at "
                  "least 60x20 characters, line = one line, none")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "line", "none"}))
      ->group(output);
  command
      .add_option("--html", html_file,
                  "Write one HTML page with charts to a file; it is made from the (first) store")
      ->excludes(command.get_option("--no-store"))
      ->group(output);
  write.add_to(command, output);
  command.add_flag("-q,--quiet", quiet, "No progress and no summary text")->group(output);
}

void RunOptions::add_path_options(CLI::App& command) {
  const auto* path = "Path";
  command.add_option("-I,--interface", interface, "Send through this interface only")->group(path);
  command.add_option("-B,--bind", bind_address, "Source address")->group(path);
  command.add_option("--dscp", dscp, "DSCP of the probes, 0 to 63")
      ->check(CLI::Range(0, 63))
      ->group(path);
  auto* four = command.add_flag("-4", v4, "IPv4 only")->group(path);
  command.add_flag("-6", v6, "IPv6 only")->excludes(four)->group(path);
  command
      .add_option("--auth-key-file", auth_key_file,
                  "Authenticated mode: the first line of this file is the HMAC key on both ends")
      ->group(path);
}

Result<ScheduleConfig> RunOptions::schedule() const {
  ScheduleConfig config;
  config.seed = seed;
  if (ping_pong) {
    config.kind = ScheduleKind::ping_pong;
    return config;
  }
  if (!rate.empty()) {
    NETOBS_TRY(per_second, parse_rate(rate));
    config.period_ns = 1'000'000'000;
    config.period_divisor = per_second;
    return config;
  }
  if (!poisson.empty()) config.kind = ScheduleKind::poisson;
  const auto& text = !poisson.empty() ? poisson : interval;
  if (!text.empty()) {
    NETOBS_TRY(period, parse_duration(text));
    config.period_ns = static_cast<std::uint64_t>(period.count());
  }
  return config;
}

Result<app::RunConfig> RunOptions::to_config() const {
  app::RunConfig config;
  NETOBS_TRY(selected, app::parse_layers(layers));
  config.layers = selected;
  NETOBS_TRY(when, schedule());
  config.schedule = when;
  NETOBS_TRY(limit, parse_duration(timeout));
  config.timeout = limit;
  if (!duration.empty()) {
    NETOBS_TRY(length, parse_duration(duration));
    config.duration = length;
  }
  config.count = count;
  if (count == 0 && duration.empty()) config.count = app::RunConfig::default_count;
  for (const auto& [text, mode] : wait_modes) {
    if (wait == text) config.wait = mode;
  }
  if (cpu >= 0) config.cpu = cpu;
  config.transport = transport;
  config.af_xdp = xdp.af_xdp();
  config.busy_poll_us = xdp.busy_poll_us;
  NETOBS_TRY(hardware, nic.request());
  config.nic = hardware;
  config.capture = write.request;
  config.application = "netobs " NETOBS_VERSION;
  if (hardware.ptp_disguise) {
    config.port = ptp_event_port;
    if (config.count > max_disguised_probes) {
      return fail(usage(
          fmt::format("{} probes in disguise", config.count),
          fmt::format("A run of --ptp-disguise has {} probes at most.", max_disguised_probes)));
    }
  }
  config.size_bytes = size_bytes;
  config.dscp = static_cast<std::uint8_t>(dscp);
  config.interface = interface;
  config.bind_address = bind_address;
  config.address_family = v4 ? AF_INET : v6 ? AF_INET6 : 0;
  config.keep_store = !no_store;
  config.stores = chosen_stores();
  config.spool_directory = default_spool_directory();
  config.disabled.names = without;
  if (!auth_key_file.empty()) {
    NETOBS_TRY(key, read_key_file(auth_key_file));
    config.auth_key = key;
  }
  return config;
}

ProgressMode RunOptions::progress_mode() const {
  if (quiet || progress == "none") return ProgressMode::none;
  return progress == "line" ? ProgressMode::line : ProgressMode::live;
}

Result<std::pair<std::string, std::uint16_t>> split_host_port(const std::string& text) {
  std::string host = text;
  std::string port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string::npos) return fail(usage(fmt::format("'{}' lacks a ]", text), ""));
    host = text.substr(1, end - 1);
    if (end + 1 < text.size()) {
      if (text[end + 1] != ':') {
        return fail(
            usage(fmt::format("'{}' is not an address", text), "Example: [2001:db8::1]:862."));
      }
      port = text.substr(end + 2);
      if (port.empty()) return fail(usage(fmt::format("'{}' lacks a port after :", text), ""));
    }
  } else if (const auto colon = text.find(':');
             colon != std::string::npos && text.find(':', colon + 1) == std::string::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return fail(usage(fmt::format("'{}' lacks a port after :", text), ""));
  }
  std::uint16_t number = 0;
  const auto [end, code] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (!port.empty() && (code != std::errc{} || end != port.data() + port.size() || number == 0)) {
    return fail(usage(fmt::format("'{}' is not a port", port), "Ports go from 1 to 65535."));
  }
  if (host.empty()) return fail(usage("no host given", "Example: netobs rtt 198.18.0.2."));
  return std::pair{host, number};
}

std::string describe_options(const CLI::App& command) {
  std::string text;
  for (const auto* option : command.get_options()) {
    if (option->count() == 0 || option->get_positional()) continue;
    for (const auto& value : option->results()) {
      text += " " + option->get_name();
      // A store's address may hold a password.
      if (option->get_items_expected_max() > 0) text += " " + store::redact(value);
    }
  }
  return text;
}

Result<std::string> read_key_file(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return fail(
        {.what = "read the key file " + path, .sys_errno = errno, .cause = "", .remedy = ""});
  }
  if ((status.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    return fail({.what = "the key file " + path + " can be read by others",
                 .cause = "A key that others can read protects nothing.",
                 .remedy = "chmod 600 " + path + "."});
  }
  std::ifstream file(path);
  std::string key;
  std::getline(file, key);
  constexpr std::size_t max_key_bytes = 1024;
  if (key.empty() || key.size() > max_key_bytes) {
    return fail({.what = "the key file " + path + " holds no usable key",
                 .cause = "Its first line must have 1 to 1024 bytes.",
                 .remedy = "Make one: head -c 32 /dev/urandom | base64 > FILE."});
  }
  return key;
}

std::string default_store() {
  auto store = environment("NETOBS_STORE");
  return store.empty() ? "netobs.db" : store;
}

std::string default_spool_directory() {
  if (auto explicit_path = environment("NETOBS_SPOOL"); !explicit_path.empty())
    return explicit_path;
  if (auto state = environment("XDG_STATE_HOME"); !state.empty()) return state + "/netobs/spool";
  if (auto home = environment("HOME"); !home.empty()) return home + "/.local/state/netobs/spool";
  return "/var/tmp/netobs-spool";
}

int report_error(const Error& error) {
  fmt::print(stderr, "netobs: {}\n", error.message());
  return static_cast<int>(error.exit);
}

}  // namespace netobs::cli
