#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "core/conditions/conditions.hpp"

namespace netobs::app {

struct Iperf3Test {
  std::string address;
  std::uint16_t port = 0;
  bool udp = false;
  bool download = false;
  std::chrono::seconds time{3};
  double udp_rate_bps = 0;
  unsigned streams = 1;  ///< connections that carry data at the same time
};

/// One test with the system's iperf3. One that hangs is killed some seconds after it should have
/// ended.
[[nodiscard]] Result<conditions::Throughput> run_iperf3(const Iperf3Test& test,
                                                        const std::atomic<bool>& stop);

}  // namespace netobs::app
