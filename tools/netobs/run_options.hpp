#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "app/run_config.hpp"
#include "core/base/result.hpp"
#include "nic_options.hpp"
#include "progress_view.hpp"
#include "write_options.hpp"
#include "xdp_options.hpp"

namespace netobs::cli {

/// The options that every measuring command has, as text; to_config() checks and converts them.
struct RunOptions {
  std::uint64_t count = 0;
  std::string duration;
  std::string interval;
  std::string poisson;
  bool ping_pong = false;
  std::string rate;
  std::uint64_t seed = 0;
  std::uint32_t size_bytes = 0;
  unsigned dscp = 0;
  std::string interface;
  std::string bind_address;
  int cpu = -1;
  std::string wait = "hybrid";
  std::string transport = "auto";
  std::string layers = "auto";
  std::string timeout = "1s";
  std::vector<std::string> stores;
  bool no_store = false;
  std::string auth_key_file;
  std::string json_file;
  std::string html_file;
  bool quiet = false;
  std::string progress = "auto";
  bool v4 = false;
  bool v6 = false;
  std::vector<std::string> without;
  XdpOptions xdp;
  NicOptions nic;
  WriteOptions write;

  /// Adds the schedule, layer, store and output options.
  void add_to(CLI::App& command);
  /// Adds those that say which way to go, for rtt only.
  void add_path_options(CLI::App& command);
  /// Adds --store and --no-store, for commands that make runs without measuring.
  void add_stores(CLI::App& command);
  /// Where the rows go: those named, else the default; none with --no-store.
  [[nodiscard]] std::vector<std::string> chosen_stores() const;
  [[nodiscard]] Result<app::RunConfig> to_config() const;
  [[nodiscard]] ProgressMode progress_mode() const;

 private:
  void add_schedule(CLI::App& command);
  void add_layers(CLI::App& command);
  void add_output(CLI::App& command);
  [[nodiscard]] Result<ScheduleConfig> schedule() const;
};

/// "host", "host:port", "[v6]:port", "v6" into its parts; port 0 when there is none.
[[nodiscard]] Result<std::pair<std::string, std::uint16_t>> split_host_port(
    const std::string& text);
/// The options that were given, as they would be typed again: " --count 100 --wait spin".
[[nodiscard]] std::string describe_options(const CLI::App& command);
/// The bytes of the first line of a file, without the line end. Refuses a file that others can
/// read.
[[nodiscard]] Result<std::string> read_key_file(const std::string& path);
/// The store where none is named: NETOBS_STORE, else netobs.db in the current folder.
[[nodiscard]] std::string default_store();
/// Where rows wait for a store that is gone: NETOBS_SPOOL, else below XDG_STATE_HOME or HOME.
[[nodiscard]] std::string default_spool_directory();
/// Prints "netobs: ..." on standard error and returns the exit status of the error.
int report_error(const Error& error);

}  // namespace netobs::cli
