#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace netobs::os {

struct ProcessOutput {
  int exit_status = 0;  ///< 128 + signal when it was killed
  std::string text;     ///< standard output and standard error, at most 64 KiB
};

/// Runs a program found on PATH with `input` on its standard input and waits for it. Blocks; for
/// set-up, never while measuring. Fails only when the program cannot be started.
[[nodiscard]] Result<ProcessOutput> run_process(const std::vector<std::string>& arguments,
                                                const std::string& input);

}  // namespace netobs::os
