#pragma once

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"

namespace netobs::cli {

/// SIGINT, SIGTERM and SIGHUP as something to wait for. Make it before any thread: threads inherit
/// the mask.
class Signals {
 public:
  [[nodiscard]] static Result<Signals> block();

  /// Waits up to `milliseconds`; true when a signal came.
  [[nodiscard]] bool wait(int milliseconds) const;

 private:
  explicit Signals(os::Fd fd) : fd_(std::move(fd)) {}
  os::Fd fd_;
};

}  // namespace netobs::cli
