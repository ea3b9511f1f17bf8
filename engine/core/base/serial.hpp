#pragma once

#include <cstdint>

namespace netobs {

/// Extends a 32-bit wrapping number to 64 bits (RFC 1982 arithmetic): the candidate nearest to
/// `reference` wins, so numbers may arrive up to 2^31 - 1 out of order in both directions.
[[nodiscard]] constexpr std::uint64_t unwrap_serial(std::uint32_t value, std::uint64_t reference) {
  const auto distance =
      static_cast<std::int32_t>(value - static_cast<std::uint32_t>(reference & 0xffffffffU));
  const auto candidate = static_cast<std::int64_t>(reference) + distance;
  // Below zero there is no earlier cycle: the number belongs to this one.
  return candidate < 0 ? value : static_cast<std::uint64_t>(candidate);
}

}  // namespace netobs
