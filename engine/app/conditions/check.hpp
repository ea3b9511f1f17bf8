#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "app/run_control.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/conditions/conditions.hpp"
#include "core/conditions/verdict.hpp"

namespace netobs::app {

/// A validated `netobs check`.
struct CheckOptions {
  std::string host;
  int address_family = 0;  ///< AF_INET, AF_INET6 or 0 for either
  std::uint16_t echoes = 50;
  Duration echo_interval = std::chrono::milliseconds(20);
  bool throughput = true;
  std::uint16_t upload_port = 5092;
  std::uint16_t download_port = 5093;
  std::chrono::seconds test_time{3};  ///< of each of the four iperf3 tests
  double udp_rate_bps = 10e6;
  bool loaded = false;                             ///< latency under load as well
  std::uint16_t reflector_port = 862;              ///< of the reflector that answers its probes
  Duration loaded_time = std::chrono::seconds(5);  ///< of each of its three runs
  bool public_ip = true;
  std::string public_ip_url;
  std::vector<std::string> stores;  ///< none: nothing is kept
  std::string spool_directory;
  conditions::Thresholds limits;
};

/// Measures one item after the other; one that fails leaves the others alone. A stop ends the item
/// under way and leaves out the rest. Errors: the stores cannot be opened.
[[nodiscard]] Result<conditions::Conditions> run_check(const CheckOptions& options,
                                                       RunControl& control);

}  // namespace netobs::app
