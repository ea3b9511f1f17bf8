#include "linux/os/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "linux/os/clock.hpp"

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

struct Started {
  pid_t pid = 0;
  Fd output;  // the reading end
};

/// A program with `input` (or nothing) to read; what it writes goes into one pipe.
Result<Started> spawn(const std::vector<std::string>& arguments, const std::string& input) {
  NETOBS_TRY(stdin_file, input_file(input));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail({.what = "create a pipe", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  Started started{0, Fd(ends[0])};
  const Fd write_end(ends[1]);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, stdin_file.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDERR_FILENO);
  // The signals that the command waits for are blocked in its threads; a program it starts would
  // inherit that and not hear them. A process group of its own: Ctrl-C on the terminal is for the
  // command alone, which then needs these programs to put things back.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  const int error =
      ::posix_spawnp(&started.pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return fail({.what = "run " + arguments.front(),
                 .sys_errno = error,
                 .cause = "The program may not be installed.",
                 .remedy = ""});
  }
  return started;
}

}  // namespace

Result<ProcessOutput> run_process(const std::vector<std::string>& arguments,
                                  const std::string& input) {
  NETOBS_TRY(started, spawn(arguments, input));
  ProcessOutput output;
  output.text = read_all(started.output.get());
  output.exit_status = wait_for(started.pid);
  return output;
}

Result<BackgroundProcess> BackgroundProcess::start(const std::vector<std::string>& arguments) {
  NETOBS_TRY(started, spawn(arguments, ""));
  return BackgroundProcess(started.pid, std::move(started.output));
}

BackgroundProcess::BackgroundProcess(BackgroundProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      pipe_(std::move(other.pipe_)),
      output_(std::move(other.output_)) {}

BackgroundProcess::~BackgroundProcess() {
  if (pid_ != 0) (void)stop();
}

bool BackgroundProcess::read_some(Duration limit) {
  pollfd entry{.fd = pipe_.get(), .events = POLLIN, .revents = 0};
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  if (::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(milliseconds, 0, 60'000))) <= 0) {
    return true;
  }
  std::array<char, 4096> chunk{};
  const auto count = ::read(pipe_.get(), chunk.data(), chunk.size());
  if (count <= 0) return count < 0 && errno == EINTR;
  if (output_.size() < max_output_bytes)
    output_.append(chunk.data(), static_cast<std::size_t>(count));
  return true;
}

bool BackgroundProcess::wait_for_output(std::string_view text, Duration limit) {
  const auto end = monotonic_now() + limit;
  bool more = true;
  while (output_.find(text) == std::string::npos) {
    const auto left = end - monotonic_now();
    if (!more || left <= Duration::zero()) return false;
    more = read_some(left);
  }
  return true;
}

int BackgroundProcess::stop() {
  constexpr Duration patience = std::chrono::seconds(5);
  ::kill(pid_, SIGTERM);
  // Its output ends when it does; a full pipe must not keep it from ending.
  const auto end = monotonic_now() + patience;
  bool more = true;
  while (more && monotonic_now() < end) more = read_some(end - monotonic_now());
  // The group: what it started itself would go on without it.
  if (more) ::kill(-pid_, SIGKILL);
  return wait_for(std::exchange(pid_, 0));
}

Result<std::unique_ptr<TemporaryFolder>> TemporaryFolder::make() {
  std::error_code error;
  const auto base = std::filesystem::temp_directory_path(error);
  std::string path = (error ? "/tmp" : base.string()) + "/netobs-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return fail({.what = "make a temporary folder " + path,
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = "TMPDIR names another place."});
  }
  return std::unique_ptr<TemporaryFolder>(new TemporaryFolder(std::move(path)));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace netobs::os
