#include "linux/nic/cross_timestamps.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace netobs::nic {
namespace {

/// 73 years: beyond what NicClock believes, and with room for every difference below.
constexpr std::int64_t most_seconds = INT64_MAX / 4 / 1'000'000'000 + 8;

void keep_shorter(std::optional<CrossTimestamp>& best, const ptp_clock_time& before,
                  const ptp_clock_time& nic, const ptp_clock_time& after) {
  const auto first = to_ns(before);
  const auto width = to_ns(after) - first;
  if (width < 0) return;
  // One more for the halves that are lost in rounding, here and in the clocks.
  const auto half_width = width / 2 + 1;
  if (best && best->half_width_ns <= half_width) return;
  best = CrossTimestamp{
      .nic_ns = to_ns(nic), .realtime_ns = first + width / 2, .half_width_ns = half_width};
}

std::int64_t offset(const CrossTimestamp& sample) {
  return sample.nic_ns - sample.realtime_ns;
}

}  // namespace

std::int64_t to_ns(const ptp_clock_time& time) {
  // A NIC counts seconds in 48 bits or more, and may have been set to any.
  return std::clamp<std::int64_t>(time.sec, -most_seconds, most_seconds) * 1'000'000'000LL +
         time.nsec;
}

std::optional<CrossTimestamp> shortest(const ptp_sys_offset_extended& answer) {
  std::optional<CrossTimestamp> best;
  const auto samples = std::min<std::size_t>(answer.n_samples, PTP_MAX_SAMPLES);
  for (std::size_t i = 0; i < samples; ++i) {
    const auto& times = answer.ts[i];
    keep_shorter(best, times[0], times[1], times[2]);
  }
  return best;
}

std::optional<CrossTimestamp> shortest(const ptp_sys_offset& answer) {
  std::optional<CrossTimestamp> best;
  const auto samples = std::min<std::size_t>(answer.n_samples, PTP_MAX_SAMPLES);
  // System and NIC in turn; each system time ends a bracket and begins the next.
  for (std::size_t i = 0; i < samples; ++i) {
    keep_shorter(best, answer.ts[2 * i], answer.ts[2 * i + 1], answer.ts[2 * i + 2]);
  }
  return best;
}

std::optional<CrossTimestamp> median(std::span<const CrossTimestamp> latched) {
  if (latched.empty()) return std::nullopt;
  std::vector<CrossTimestamp> sorted(latched.begin(), latched.end());
  std::ranges::sort(sorted, {}, offset);
  CrossTimestamp middle = sorted[sorted.size() / 2];
  middle.half_width_ns =
      std::max(offset(middle) - offset(sorted.front()), offset(sorted.back()) - offset(middle)) + 1;
  return middle;
}

}  // namespace netobs::nic
