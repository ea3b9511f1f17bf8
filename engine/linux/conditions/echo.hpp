#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>

#include "core/base/endpoint.hpp"
#include "core/base/time.hpp"
#include "core/conditions/conditions.hpp"

namespace netobs::conditions {

struct EchoOptions {
  Endpoint target;
  std::uint16_t count = 50;  ///< 1 to 10 000
  Duration interval = std::chrono::milliseconds(20);
  Duration timeout = std::chrono::seconds(1);  ///< for the replies to the last ones
  std::size_t payload_bytes = 56;
  const std::atomic<bool>* stop = nullptr;  ///< no more requests; replies are still awaited
};

/// Round trips of ICMP echoes, between kernel timestamps where they come. Where this process may
/// not have an ICMP socket, the system's ping does it.
[[nodiscard]] Result<EchoSeries> measure_echo(const EchoOptions& options);

/// The largest packet that reaches the target in one piece, as far as that can be found out: what
/// the routing table says, lowered by the routers' answers to echoes of that size.
[[nodiscard]] Result<PathMtu> find_path_mtu(const Endpoint& target, const std::atomic<bool>& stop);

}  // namespace netobs::conditions
