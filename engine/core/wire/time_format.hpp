#pragma once
// The two timestamp formats of STAMP (RFC 8762 4.2, by RFC 4656 4.1.2 and RFC 8186): 64 bits each.
// Everything here is arithmetic on numbers; no clock is read.

#include <cstdint>

namespace netobs::wire {

/// Value of the Z bit of an error estimate.
enum class TimeFormat : std::uint8_t {
  ntp,  ///< 32 bits of seconds since 1900, 32 bits of fraction
  ptp,  ///< PTPv2 truncated: 32 bits of seconds since 1970 (TAI), 32 bits of nanoseconds
};

/// CLOCK_REALTIME nanoseconds to NTP, rounded to the nearest 2^-32 s. The era is dropped, as the
/// format demands. Range: the whole of int64.
[[nodiscard]] std::uint64_t ntp_from_unix_ns(std::int64_t unix_ns);

/// The instant within 68 years of `reference_ns` that has this NTP timestamp: right across the end
/// of the era on 2036-02-07 as long as the reference is roughly now. Exact inverse of the above.
[[nodiscard]] std::int64_t unix_ns_from_ntp(std::uint64_t ntp, std::int64_t reference_ns);

/// a - b in nanoseconds, rounded; a wrapping subtraction, so that eras do not matter while the two
/// are less than 68 years apart.
[[nodiscard]] std::int64_t ntp_difference_ns(std::uint64_t a, std::uint64_t b);

/// CLOCK_REALTIME nanoseconds to PTPv2 truncated. tai_offset_s: TAI - UTC as the kernel knows it, 0
/// or (since 2017) 37 seconds; the caller reads it.
[[nodiscard]] std::uint64_t ptp_from_unix_ns(std::int64_t unix_ns, std::int64_t tai_offset_s);

/// Inverse of ptp_from_unix_ns near `reference_ns`. A nanosecond field of 10^9 or more, which no
/// sender may write, carries over into the seconds.
[[nodiscard]] std::int64_t unix_ns_from_ptp(std::uint64_t ptp, std::int64_t tai_offset_s,
                                            std::int64_t reference_ns);

/// Either of them, near `reference_ns`; PTP times as if they were UTC, since a packet does not tell
/// TAI - UTC.
[[nodiscard]] std::int64_t to_unix_ns(std::uint64_t timestamp, TimeFormat format,
                                      std::int64_t reference_ns);

}  // namespace netobs::wire
