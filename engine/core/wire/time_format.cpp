#include "core/wire/time_format.hpp"

namespace netobs::wire {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::uint64_t unix_epoch_in_ntp_s = 2'208'988'800;  // 70 years and 17 leap days

struct Split {
  std::int64_t seconds;
  std::uint64_t ns;  // 0 to 999'999'999 also for times before the epoch
};

Split split(std::int64_t unix_ns) {
  std::int64_t seconds = unix_ns / ns_per_s;
  std::int64_t rest = unix_ns % ns_per_s;
  if (rest < 0) {
    rest += ns_per_s;
    --seconds;
  }
  return {seconds, static_cast<std::uint64_t>(rest)};
}

// Unsigned arithmetic: hostile seconds next to a far reference must wrap, not overflow.
std::int64_t join(std::uint64_t seconds, std::uint64_t ns) {
  return static_cast<std::int64_t>(seconds * static_cast<std::uint64_t>(ns_per_s) + ns);
}

// The 64-bit seconds nearest to `reference_s` whose low half is `seconds`.
std::uint64_t nearest_seconds(std::uint32_t seconds, std::uint64_t reference_s) {
  const auto distance =
      static_cast<std::int32_t>(seconds - static_cast<std::uint32_t>(reference_s & 0xffffffffU));
  return reference_s + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
}

std::uint64_t ns_from_fraction(std::uint64_t fraction) {
  return (fraction * static_cast<std::uint64_t>(ns_per_s) + (1ULL << 31U)) >> 32U;
}

}  // namespace

std::uint64_t ntp_from_unix_ns(std::int64_t unix_ns) {
  const auto [seconds, ns] = split(unix_ns);
  const std::uint64_t ntp_seconds = static_cast<std::uint64_t>(seconds) + unix_epoch_in_ntp_s;
  // One nanosecond is 4.3 units, so the last nanosecond of a second never rounds into the next.
  const std::uint64_t fraction = ((ns << 32U) + static_cast<std::uint64_t>(ns_per_s / 2)) /
                                 static_cast<std::uint64_t>(ns_per_s);
  return ntp_seconds << 32U | fraction;
}

std::int64_t unix_ns_from_ntp(std::uint64_t ntp, std::int64_t reference_ns) {
  const std::uint64_t reference_s =
      static_cast<std::uint64_t>(split(reference_ns).seconds) + unix_epoch_in_ntp_s;
  const std::uint64_t seconds =
      nearest_seconds(static_cast<std::uint32_t>(ntp >> 32U), reference_s);
  return join(seconds - unix_epoch_in_ntp_s, ns_from_fraction(ntp & 0xffffffffU));
}

std::int64_t ntp_difference_ns(std::uint64_t a, std::uint64_t b) {
  const auto difference = static_cast<std::int64_t>(a - b);
  const std::int64_t seconds = difference >> 32U;  // floor; the fraction below is never negative
  const auto fraction = static_cast<std::uint64_t>(difference) & 0xffffffffU;
  return seconds * ns_per_s + static_cast<std::int64_t>(ns_from_fraction(fraction));
}

std::uint64_t ptp_from_unix_ns(std::int64_t unix_ns, std::int64_t tai_offset_s) {
  const auto [seconds, ns] = split(unix_ns);
  return static_cast<std::uint64_t>(seconds + tai_offset_s) << 32U | ns;
}

std::int64_t unix_ns_from_ptp(std::uint64_t ptp, std::int64_t tai_offset_s,
                              std::int64_t reference_ns) {
  const auto reference_s = static_cast<std::uint64_t>(split(reference_ns).seconds + tai_offset_s);
  const std::uint64_t seconds =
      nearest_seconds(static_cast<std::uint32_t>(ptp >> 32U), reference_s);
  return join(seconds - static_cast<std::uint64_t>(tai_offset_s), ptp & 0xffffffffU);
}

std::int64_t to_unix_ns(std::uint64_t timestamp, TimeFormat format, std::int64_t reference_ns) {
  return format == TimeFormat::ntp ? unix_ns_from_ntp(timestamp, reference_ns)
                                   : unix_ns_from_ptp(timestamp, 0, reference_ns);
}

}  // namespace netobs::wire
