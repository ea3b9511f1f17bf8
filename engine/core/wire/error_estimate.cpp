#include "core/wire/error_estimate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace netobs::wire {
namespace {
constexpr unsigned max_scale = 63;
constexpr double max_multiplier = 255;
constexpr double ns_per_s = 1e9;
}  // namespace

ErrorEstimate ErrorEstimate::from_bound_ns(std::int64_t bound_ns, bool synchronised,
                                           TimeFormat format) {
  const double bound_s = static_cast<double>(std::max<std::int64_t>(bound_ns, 1)) / ns_per_s;
  ErrorEstimate estimate{.synchronised = synchronised, .format = format};
  for (unsigned scale = 0; scale <= max_scale; ++scale) {
    const double multiplier = std::ceil(std::ldexp(bound_s, 32 - static_cast<int>(scale)));
    if (multiplier > max_multiplier) continue;
    estimate.scale = static_cast<std::uint8_t>(scale);
    estimate.multiplier = static_cast<std::uint8_t>(std::max(multiplier, 1.0));
    break;
  }
  return estimate;
}

std::optional<ErrorEstimate> ErrorEstimate::decode(std::uint16_t bits) {
  const auto multiplier = static_cast<std::uint8_t>(bits & 0xffU);
  if (multiplier == 0) return std::nullopt;
  return ErrorEstimate{.synchronised = (bits & 0x8000U) != 0,
                       .format = (bits & 0x4000U) != 0 ? TimeFormat::ptp : TimeFormat::ntp,
                       .scale = static_cast<std::uint8_t>(bits >> 8U & 0x3fU),
                       .multiplier = multiplier};
}

std::uint16_t ErrorEstimate::encode() const {
  const unsigned bits = (synchronised ? 0x8000U : 0U) | (format == TimeFormat::ptp ? 0x4000U : 0U) |
                        (static_cast<unsigned>(scale) & 0x3fU) << 8U | multiplier;
  return static_cast<std::uint16_t>(bits);
}

std::int64_t ErrorEstimate::bound_ns() const {
  const double ns = std::ceil(std::ldexp(multiplier * ns_per_s, static_cast<int>(scale) - 32));
  constexpr auto largest = std::numeric_limits<std::int64_t>::max();
  return ns >= static_cast<double>(largest) ? largest : static_cast<std::int64_t>(ns);
}

}  // namespace netobs::wire
