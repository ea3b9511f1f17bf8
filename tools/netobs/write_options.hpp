#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "app/capture_log.hpp"

namespace netobs::cli {

/// --write and its bounds.
struct WriteOptions {
  app::CaptureRequest request;

  void add_to(CLI::App& command, const std::string& group);
};

}  // namespace netobs::cli
