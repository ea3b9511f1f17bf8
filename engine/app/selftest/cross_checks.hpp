#pragma once

#include <vector>

#include "app/selftest/block.hpp"
#include "app/selftest/result.hpp"

namespace netobs::app::selftest {

/// Compares the run's timestamps with those of other instruments on the same packets: libpcap taps
/// on both hosts, and a capture by tcpdump that tshark reads. `hosts`: null = a lab of its own.
[[nodiscard]] Result<std::vector<CrossCheck>> compare_instruments(const Setup& setup,
                                                                  const Hosts* hosts,
                                                                  RunControl& control);

}  // namespace netobs::app::selftest
