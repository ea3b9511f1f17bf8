#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "linux/transport/udp_transport.hpp"

namespace netobs::cli {

/// What --transport af_xdp can be told, on both ends.
struct XdpOptions {
  std::string mode = "auto";
  bool force = false;
  int busy_poll_us = 0;

  void add_to(CLI::App& command, const std::string& group);
  [[nodiscard]] AfXdpOptions af_xdp() const;
};

}  // namespace netobs::cli
