#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <span>
#include <string_view>

namespace netobs::cli {

/// What a subcommand does once its options are parsed. Returns the exit status.
using Run = std::function<int()>;

/// One row per subcommand: a new one is a file and a row here.
struct Command {
  std::string_view name;
  std::string_view help;
  /// Adds the options and returns what to run. The options live in the returned closure.
  Run (*add)(CLI::App& command);
};

[[nodiscard]] std::span<const Command> command_table();

Run add_demo(CLI::App& command);
Run add_rtt(CLI::App& command);
Run add_reflect(CLI::App& command);
Run add_replay(CLI::App& command);
Run add_check(CLI::App& command);
Run add_report(CLI::App& command);
Run add_runs(CLI::App& command);
Run add_compare(CLI::App& command);
Run add_gate(CLI::App& command);
Run add_export(CLI::App& command);
Run add_doctor(CLI::App& command);
Run add_selftest(CLI::App& command);
Run add_db(CLI::App& command);

}  // namespace netobs::cli
