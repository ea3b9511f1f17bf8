#pragma once

#include <string_view>

#include "core/conditions/conditions.hpp"

namespace netobs::conditions {

/// What `ping -n` of iputils or BusyBox wrote in the C locale. The times of its lines, not its own
/// summary, which has neither percentiles nor RFC 3550's jitter. Duplicates are left out.
[[nodiscard]] Result<EchoSeries> parse_ping(std::string_view text);

/// The body that a service for the own public address sent: one IPv4 or IPv6 address.
[[nodiscard]] Result<std::string> parse_public_ip(std::string_view body);

/// "10M", "2.5G", "500k", "1000000": bits per second, 1 kbit/s to 1 Tbit/s.
[[nodiscard]] Result<double> parse_bit_rate(std::string_view text);

}  // namespace netobs::conditions
