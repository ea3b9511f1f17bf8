#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "linux/os/fd.hpp"

namespace netobs::os {

/// A program in a process group of its own, never through a shell. The kernel kills it when the
/// thread that started it ends, however that comes about; its group goes with the object.
class ChildProcess {
 public:
  /// Found on PATH. Error::sys_errno is ENOENT when there is no such program.
  [[nodiscard]] static Result<ChildProcess> start(const std::vector<std::string>& arguments);
  ~ChildProcess();
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] int output() const { return output_.get(); }  ///< read end of standard output
  [[nodiscard]] int errors() const { return errors_.get(); }  ///< read end of standard error
  /// Once it has ended: its exit status, 128 + signal when it was killed. -1: it still runs.
  [[nodiscard]] int poll_status();
  /// SIGKILL to the whole group, and waits.
  void kill();

 private:
  ChildProcess(pid_t pid, Fd output, Fd errors)
      : pid_(pid), output_(std::move(output)), errors_(std::move(errors)) {}

  pid_t pid_;  // 0: none
  int status_ = -1;
  Fd output_;
  Fd errors_;
};

struct ProcessLimits {
  std::size_t output_bytes;
  Duration time;
  const std::atomic<bool>* stop = nullptr;  ///< ends it early
};

struct BoundedOutput {
  enum class End { exited, timed_out, stopped, too_much };
  End end = End::exited;
  int exit_status = 0;  ///< of one that exited
  std::string text;     ///< standard output
  std::string errors;   ///< standard error, at most 4 KiB
};

/// Runs a program to its end or to a limit, where it is killed. Fails only when it cannot start.
[[nodiscard]] Result<BoundedOutput> run_bounded(const std::vector<std::string>& arguments,
                                                const ProcessLimits& limits);

}  // namespace netobs::os
