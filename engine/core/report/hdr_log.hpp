#pragma once
// The interval log of HdrHistogram, format version 1.3, and the histograms in it: encoding version
// 2 of its payload, zlib, Base64. Written here because the C library that writes it is no package
// of Debian 12; the tests have it read by HdrHistogram itself. Its format:
// https://github.com/HdrHistogram/HdrHistogram, HistogramLogWriter and AbstractHistogram.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/stats/distribution.hpp"

namespace netobs::report {

/// Significant decimal digits of the histograms: their buckets are at most 1/1024 of a value wide,
/// finer than those of a Distribution.
inline constexpr std::int32_t hdr_digits = 3;

/// One line of the log: the values of one tag over one interval.
struct HdrInterval {
  std::string_view tag;       ///< what is no letter, digit, '.', '-' or '_' becomes '_'
  std::int64_t start_ns = 0;  ///< of the Unix epoch
  std::int64_t length_ns = 0;
};

/// Lines before the first interval: version, start of the run, legend. Times in the log are of the
/// Unix epoch, values are nanoseconds.
[[nodiscard]] std::string hdr_log_head(std::int64_t started_ns);
/// A comment line, which readers pass over.
[[nodiscard]] std::string hdr_log_comment(std::string_view text);
/// Appends the line of one interval. Negative values have no place in an HdrHistogram and are left
/// out; without any other the line is left out as well. Returns how many values were left out.
/// Minimum and maximum are exact, the values between stand in the middle of their bucket.
[[nodiscard]] std::uint64_t append_hdr_interval(std::string& out, const HdrInterval& interval,
                                                const stats::Distribution& distribution);

}  // namespace netobs::report
