#pragma once

#include <cstddef>
#include <string_view>

#include "core/conditions/conditions.hpp"

namespace netobs::conditions {

inline constexpr std::size_t max_iperf3_bytes = 1U << 20U;

/// What one run of `iperf3 --json` wrote. Anything may stand there: what is no result is an error,
/// and so is a result that says why it failed. Error::sys_errno is the errno nearest in meaning.
[[nodiscard]] Result<Throughput> parse_iperf3(std::string_view json);

}  // namespace netobs::conditions
