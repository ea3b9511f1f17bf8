#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "app/nic_side.hpp"
#include "core/base/result.hpp"

namespace netobs::cli {

/// What the layer nic can be told, on both ends.
struct NicOptions {
  std::string sample = "auto";
  bool force = false;
  bool ptp_disguise = false;

  void add_to(CLI::App& command, const std::string& group);
  [[nodiscard]] Result<app::NicRequest> request() const;
};

}  // namespace netobs::cli
