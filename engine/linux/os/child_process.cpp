#include "linux/os/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "linux/os/clock.hpp"

namespace netobs::os {
namespace {

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail({.what = "create a pipe", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

/// In the new process, between fork and exec: nothing that allocates or locks.
[[noreturn]] void become(char* const* argv, pid_t parent, int output, int errors, int report) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it went before it could be watched
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)std::signal(SIGPIPE, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0 && ::dup2(output, STDOUT_FILENO) >= 0 &&
      ::dup2(errors, STDERR_FILENO) >= 0) {
    ::execvp(argv[0], argv);
  }
  const int code = errno;
  (void)!::write(report, &code, sizeof code);
  ::_exit(127);
}

int status_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Reads what is there. False at the end of the stream.
bool read_into(int fd, std::string& text, std::size_t limit) {
  std::array<char, 16384> chunk{};
  const auto count = ::read(fd, chunk.data(), chunk.size());
  if (count <= 0) return count < 0 && (errno == EINTR || errno == EAGAIN);
  const auto room = limit - std::min(limit, text.size());
  text.append(chunk.data(), std::min(room, static_cast<std::size_t>(count)));
  return true;
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& arguments) {
  NETOBS_TRY(output, make_pipe());
  NETOBS_TRY(errors, make_pipe());
  NETOBS_TRY(report, make_pipe());
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    become(argv.data(), parent, output.write.get(), errors.write.get(), report.write.get());
  }
  int code = pid < 0 ? errno : 0;
  report.write.reset();
  // Closed by the exec that succeeds; else it holds the errno.
  if (pid > 0) {
    while (::read(report.read.get(), &code, sizeof code) < 0 && errno == EINTR) {
    }
  }
  if (code == 0) return ChildProcess(pid, std::move(output.read), std::move(errors.read));
  if (pid > 0) ::waitpid(pid, nullptr, 0);
  const auto& program = arguments.front();
  return fail({.what = "run " + program,
               .sys_errno = code,
               .cause = code == ENOENT ? "There is no such program on PATH." : "",
               .remedy = code == ENOENT ? "Install the package " + program + "." : ""});
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      status_(other.status_),
      output_(std::move(other.output_)),
      errors_(std::move(other.errors_)) {}

ChildProcess::~ChildProcess() {
  kill();
}

int ChildProcess::poll_status() {
  if (pid_ == 0) return status_;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return -1;
  // What it left behind in its group goes too.
  ::kill(-pid_, SIGKILL);
  pid_ = 0;
  status_ = status_code(status);
  return status_;
}

void ChildProcess::kill() {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  status_ = status_code(status);
}

Result<BoundedOutput> run_bounded(const std::vector<std::string>& arguments,
                                  const ProcessLimits& limits) {
  using End = BoundedOutput::End;
  constexpr std::size_t error_bytes = 4096;
  constexpr int look_ms = 50;
  constexpr int closed_look_ms = 1;  // its pipes are closed: nothing else tells of its end
  NETOBS_TRY(child, ChildProcess::start(arguments));
  BoundedOutput result;
  const auto end = monotonic_now() + limits.time;
  std::array<pollfd, 2> streams{{{.fd = child.output(), .events = POLLIN, .revents = 0},
                                 {.fd = child.errors(), .events = POLLIN, .revents = 0}}};
  const auto give_up = [&](End why) {
    child.kill();
    result.end = why;
    return result;
  };
  while (true) {
    // Asked before the pipes are emptied: what it wrote before it ended is in them.
    const int status = child.poll_status();
    const bool closed =
        std::ranges::all_of(streams, [](const pollfd& each) { return each.fd < 0; });
    const int wait_ms = closed ? closed_look_ms : look_ms;
    (void)::poll(streams.data(), streams.size(), status < 0 ? wait_ms : 0);
    bool more = false;
    for (auto& stream : streams) {
      if ((stream.revents & (POLLIN | POLLHUP)) == 0) continue;
      const bool out = stream.fd == child.output();
      more = more || (stream.revents & POLLIN) != 0;
      if (!read_into(stream.fd, out ? result.text : result.errors,
                     out ? limits.output_bytes + 1 : error_bytes)) {
        stream.fd = -1;  // poll(2) passes it over
      }
    }
    if (result.text.size() > limits.output_bytes) return give_up(End::too_much);
    if (limits.stop != nullptr && limits.stop->load()) return give_up(End::stopped);
    if (monotonic_now() >= end) return give_up(End::timed_out);
    if (status >= 0 && !more) {
      result.exit_status = status;
      return result;
    }
  }
}

}  // namespace netobs::os
