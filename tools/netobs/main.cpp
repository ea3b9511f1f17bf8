#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <string>
#include <system_error>

#include "command.hpp"
#include "core/base/result.hpp"
#include "linux/os/capabilities.hpp"

namespace {

constexpr const char* about =
    "Net Obs measures network latency at several layers of the stack at once, on both hosts, and\n"
    "says for every probe where the time went.\n";
constexpr const char* footer =
    "\nTwo hosts:   server$ sudo netobs reflect            client$ sudo netobs rtt SERVER\n"
    "One machine: sudo netobs demo\n"
    "What works here, and what is missing for the rest: sudo netobs doctor\n\n"
    "Exit status: 0 ok, 1 failed, 2 usage, 3 invariant violated, 4 regression found,\n"
    "             5 a layer asked for by name cannot be measured here";

/// A descriptor that the caller closed would go to the next thing opened here, and the summary
/// would be written into the store or a socket. False when not even /dev/null can be opened.
bool occupy_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 &&
        ::open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd)
      return false;
  }
  return true;
}

/// A summary that did not reach its file is a failure; a reader that has seen enough is none.
int finish_output(int status) {
  if (std::fflush(stdout) == 0 || errno == EPIPE) return status;
  fmt::print(stderr, "netobs: {}\n",
             netobs::Error{
                 .what = "write to standard output", .sys_errno = errno, .cause = "", .remedy = ""}
                 .message());
  return status == 0 ? static_cast<int>(netobs::ExitCode::failed) : status;
}

int say_failed(const std::exception& error) {
  // Not fmt::print, which throws where standard error is a window that has been closed.
  (void)std::fputs((std::string("netobs: ") + error.what() + "\n").c_str(), stderr);
  return static_cast<int>(netobs::ExitCode::failed);
}

int run(int argc, char** argv) {
  CLI::App app(about, "netobs");
  app.footer(footer);
  app.set_version_flag("--version", NETOBS_VERSION);
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help for every subcommand");
  netobs::cli::Run chosen;
  for (const auto& row : netobs::cli::command_table()) {
    auto* command = app.add_subcommand(std::string(row.name), std::string(row.help));
    command->final_callback([&chosen, run_it = row.add(*command)] { chosen = run_it; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : static_cast<int>(netobs::ExitCode::usage);
  }
  return chosen();
}

}  // namespace

int main(int argc, char** argv) {
  if (!occupy_standard_streams()) return static_cast<int>(netobs::ExitCode::failed);
  netobs::os::raise_permitted_capabilities();
  try {
    return finish_output(run(argc, argv));
  } catch (const std::system_error& error) {
    if (error.code().value() == EPIPE) return static_cast<int>(netobs::ExitCode::ok);
    return say_failed(error);
  } catch (const std::exception& error) {
    // Only what no layer could foresee comes here: memory exhaustion, a library's own failure.
    return say_failed(error);
  }
}
