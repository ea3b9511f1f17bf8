#include "linux/os/subprocess.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "linux/os/fd.hpp"

namespace netobs::os {
namespace {

constexpr std::size_t max_output_bytes = 64UL * 1024UL;

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> chunk{};
  while (true) {
    const auto count = ::read(fd, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    // Past the limit the pipe is still emptied, so that the program does not hang on it.
    if (text.size() < max_output_bytes) text.append(chunk.data(), static_cast<std::size_t>(count));
  }
}

/// The whole input in memory first: no second pipe, no deadlock between reading and writing.
Result<Fd> input_file(const std::string& input) {
  Fd file(::memfd_create("netobs-input", MFD_CLOEXEC));
  if (!file ||
      ::write(file.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()) ||
      ::lseek(file.get(), 0, SEEK_SET) != 0) {
    return fail(
        {.what = "prepare the input of a program", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  return file;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<ProcessOutput> run_process(const std::vector<std::string>& arguments,
                                  const std::string& input) {
  NETOBS_TRY(stdin_file, input_file(input));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail({.what = "create a pipe", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  const Fd read_end(ends[0]);
  Fd write_end(ends[1]);

  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, stdin_file.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDERR_FILENO);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  write_end.reset();
  if (error != 0) {
    return fail({.what = "run " + arguments.front(),
                 .sys_errno = error,
                 .cause = "The program may not be installed.",
                 .remedy = ""});
  }
  ProcessOutput output;
  output.text = read_all(read_end.get());
  output.exit_status = wait_for(pid);
  return output;
}

}  // namespace netobs::os
