#pragma once

#include <cstdint>
#include <string>

#include "app/run_control.hpp"
#include "core/base/endpoint.hpp"
#include "core/base/time.hpp"
#include "core/conditions/conditions.hpp"

namespace netobs::app {

/// What `netobs check --loaded` measures beside its other items.
struct LoadedOptions {
  std::string host;  ///< for people and programs: name or address, with its interface if it has one
  Endpoint target;   ///< the address of `host`; the port does not matter
  std::uint16_t reflector_port = 862;       ///< UDP
  std::uint16_t upload_port = 5092;         ///< of the iperf3 server that receives
  std::uint16_t download_port = 5093;       ///< of the one that sends
  Duration time = std::chrono::seconds(5);  ///< of each run
};

/// The same probes with the link idle, with an upload and with a download of iperf3 beside them.
/// Without an idle run the others are left out with its reason. A stop ends the run under way: an
/// idle one keeps what it has, a loaded one is dropped because its load ended early.
void measure_loaded(const LoadedOptions& options, RunControl& control,
                    conditions::LoadedLatency& found);

}  // namespace netobs::app
