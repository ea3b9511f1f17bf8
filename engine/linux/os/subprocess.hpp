#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "linux/os/fd.hpp"

namespace netobs::os {

struct ProcessOutput {
  int exit_status = 0;  ///< 128 + signal when it was killed
  std::string text;     ///< standard output and standard error, at most 64 KiB
};

/// Runs a program found on PATH with `input` on its standard input and waits for it. Blocks; for
/// set-up, never while measuring. Fails only when the program cannot be started.
[[nodiscard]] Result<ProcessOutput> run_process(const std::vector<std::string>& arguments,
                                                const std::string& input);

/// A program that runs beside this one, in the namespaces of the thread that started it. It ends
/// with its owner: SIGTERM, and SIGKILL for one that does not listen.
class BackgroundProcess {
 public:
  [[nodiscard]] static Result<BackgroundProcess> start(const std::vector<std::string>& arguments);
  ~BackgroundProcess();
  BackgroundProcess(BackgroundProcess&& other) noexcept;
  BackgroundProcess& operator=(BackgroundProcess&&) = delete;
  BackgroundProcess(const BackgroundProcess&) = delete;
  BackgroundProcess& operator=(const BackgroundProcess&) = delete;

  /// True once what it has written holds `text`; false when it ends or the time is over before.
  [[nodiscard]] bool wait_for_output(std::string_view text, Duration limit);
  /// Standard output and standard error so far, at most 64 KiB.
  [[nodiscard]] const std::string& output() const { return output_; }
  /// Ends it and returns its exit status, 128 + signal when it was killed. Once.
  int stop();

 private:
  BackgroundProcess(pid_t pid, Fd output) : pid_(pid), pipe_(std::move(output)) {}
  /// False at the end of the output.
  bool read_some(Duration limit);

  pid_t pid_;  // 0: none
  Fd pipe_;
  std::string output_;
};

/// A new folder that only this user can read, removed with its content when it goes.
class TemporaryFolder {
 public:
  [[nodiscard]] static Result<std::unique_ptr<TemporaryFolder>> make();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace netobs::os
