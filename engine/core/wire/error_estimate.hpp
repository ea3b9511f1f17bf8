#pragma once

#include <cstdint>
#include <optional>

#include "core/wire/time_format.hpp"

namespace netobs::wire {

/// How far the timestamps of a packet may be from true time (RFC 4656 4.1.2, Z bit by RFC 8186):
/// multiplier * 2^(scale - 32) seconds.
struct ErrorEstimate {
  bool synchronised = false;  ///< S: the clock follows an external source
  TimeFormat format = TimeFormat::ntp;
  std::uint8_t scale = 0;       ///< 0 to 63
  std::uint8_t multiplier = 1;  ///< 1 to 255

  friend bool operator==(const ErrorEstimate&, const ErrorEstimate&) = default;

  /// The finest estimate that is not below the bound. bound_ns: below 1 counts as 1.
  [[nodiscard]] static ErrorEstimate from_bound_ns(std::int64_t bound_ns, bool synchronised,
                                                   TimeFormat format = TimeFormat::ntp);
  /// Nothing when the multiplier is 0: RFC 4656 calls such a packet corrupt.
  [[nodiscard]] static std::optional<ErrorEstimate> decode(std::uint16_t bits);
  [[nodiscard]] std::uint16_t encode() const;
  /// Rounded up to whole nanoseconds; int64's maximum when it is more than that.
  [[nodiscard]] std::int64_t bound_ns() const;
};

}  // namespace netobs::wire
