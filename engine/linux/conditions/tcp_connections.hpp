#pragma once

#include <cstdint>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"

namespace netobs::conditions {

/// Established TCP connections from the calling thread's network namespace to that address and
/// port, whoever made them. Error: the kernel does not show its table.
[[nodiscard]] Result<std::uint64_t> tcp_connections_to(const Endpoint& remote);

}  // namespace netobs::conditions
