#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "core/base/result.hpp"
#include "core/base/time.hpp"

namespace netobs {

enum class ScheduleKind : std::uint8_t {
  isochronous,  ///< absolute deadlines, a constant period apart (RFC 3432)
  poisson,      ///< exponentially distributed gaps (RFC 7679 section 3, RFC 2330 11.1.1)
  ping_pong,    ///< the next probe when the last is answered or has timed out
};

struct ScheduleConfig {
  ScheduleKind kind = ScheduleKind::isochronous;
  /// Period as a fraction of a second, so that a rate that does not divide 1e9 does not drift.
  /// Range: period_ns / period_divisor from 1 ns to 1 h. For Poisson it is the mean gap.
  std::uint64_t period_ns = 1'000'000;
  std::uint64_t period_divisor = 1;
  std::uint64_t seed = 1;  ///< Poisson only; recorded with the run so that it can be repeated

  [[nodiscard]] Duration period() const;
  /// "isochronous, every 1 ms", "Poisson, mean 1 ms, seed 7", "ping-pong": for the report.
  [[nodiscard]] std::string description() const;
};

/// Yields the intended send times. Not for ping-pong, which has none of its own.
class Schedule {
 public:
  Schedule(const ScheduleConfig& config, MonotonicTime start);

  /// The next intended time; does not move on.
  [[nodiscard]] MonotonicTime peek() const { return next_; }
  /// Moves on to the one after.
  void advance();

 private:
  ScheduleConfig config_;
  MonotonicTime next_;
  std::uint64_t remainder_ = 0;  // of period_ns / period_divisor, carried to the next step
  std::mt19937_64 random_;
};

inline constexpr Duration longest_run = std::chrono::hours(24);
/// "250us", "1ms", "2.5s", "30d"; a bare number is an error: no unit is implied. Range: 1 ns to
/// `longest`.
[[nodiscard]] Result<Duration> parse_duration(const std::string& text,
                                              Duration longest = longest_run);
/// "20kpps", "1Mpps", "500pps", "500". Range: 1 to 100 million packets per second.
[[nodiscard]] Result<std::uint64_t> parse_rate(const std::string& text);
/// Shortest exact text: "1 ms", "250 us", "1.5 s".
[[nodiscard]] std::string duration_text(Duration duration);

}  // namespace netobs
