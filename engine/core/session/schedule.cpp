#include "core/session/schedule.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

#include "core/base/check.hpp"

namespace netobs {
namespace {

struct Unit {
  std::string_view suffix;
  double factor;
};
// Longest suffix first: "ms" must not be read as "m" and "s".
constexpr std::array<Unit, 8> time_units{{{"ns", 1},
                                          {"us", 1e3},
                                          {"ms", 1e6},
                                          {"min", 60e9},
                                          {"s", 1e9},
                                          {"m", 60e9},
                                          {"h", 3600e9},
                                          {"d", 24 * 3600e9}}};
constexpr std::array<Unit, 7> rate_units{{{"kpps", 1e3},
                                          {"Kpps", 1e3},
                                          {"Mpps", 1e6},
                                          {"mpps", 1e6},
                                          {"pps", 1},
                                          {"k", 1e3},
                                          {"M", 1e6}}};

/// Number and unit apart; NaN when the text is not "digits[.digits] unit".
template <std::size_t N>
double scaled(std::string_view text, const std::array<Unit, N>& units, bool unit_required) {
  double value = 0;
  const auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (code != std::errc{}) return std::nan("");
  auto suffix = std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (suffix.starts_with(' ')) suffix.remove_prefix(1);
  if (suffix.empty() && !unit_required) return value;
  for (const auto& unit : units) {
    if (suffix == unit.suffix) return value * unit.factor;
  }
  return std::nan("");
}

}  // namespace

Duration ScheduleConfig::period() const {
  return Duration(static_cast<std::int64_t>(period_ns / period_divisor));
}

std::string ScheduleConfig::description() const {
  switch (kind) {
    case ScheduleKind::isochronous:
      return "isochronous, every " + duration_text(period());
    case ScheduleKind::poisson:
      return fmt::format("Poisson, mean {}, seed {}", duration_text(period()), seed);
    case ScheduleKind::ping_pong:
      return "ping-pong";
  }
  return {};
}

Schedule::Schedule(const ScheduleConfig& config, MonotonicTime start)
    : config_(config), next_(start), random_(config.seed) {
  NETOBS_CHECK(config.period_divisor > 0 && config.period_ns >= config.period_divisor,
               "period {}/{}", config.period_ns, config.period_divisor);
}

void Schedule::advance() {
  if (config_.kind == ScheduleKind::poisson) {
    // Inverse transform by hand: std::exponential_distribution may differ between libraries, and a
    // recorded seed has to give the same run everywhere. 53 random bits, never 0.
    const double uniform = (static_cast<double>(random_() >> 11U) + 1.0) * 0x1.0p-53;
    const double gap = -std::log(uniform) * static_cast<double>(config_.period_ns) /
                       static_cast<double>(config_.period_divisor);
    next_ = next_ + Duration(std::llround(gap));
    return;
  }
  const std::uint64_t total = config_.period_ns + remainder_;
  remainder_ = total % config_.period_divisor;
  next_ = next_ + Duration(static_cast<std::int64_t>(total / config_.period_divisor));
}

Result<Duration> parse_duration(const std::string& text, Duration longest) {
  const double ns = scaled(text, time_units, true);
  if (!(ns >= 1 && ns <= static_cast<double>(longest.count()))) {
    const auto hours = std::chrono::duration_cast<std::chrono::hours>(longest).count();
    const auto most = hours > 48 ? fmt::format("{}d", hours / 24) : fmt::format("{}h", hours);
    return fail(
        {.what = fmt::format("'{}' is not a duration", text),
         .cause = fmt::format("A number and a unit are needed, from 1ns to {}.", most),
         .remedy = hours > 48 ? "Examples: 30d, 12h." : "Examples: 250us, 1ms, 2.5s, 10min.",
         .exit = ExitCode::usage});
  }
  return Duration(std::llround(ns));
}

Result<std::uint64_t> parse_rate(const std::string& text) {
  const double rate = scaled(text, rate_units, false);
  if (!(rate >= 1 && rate <= 100e6)) {
    return fail({.what = fmt::format("'{}' is not a rate", text),
                 .cause = "Packets per second are needed, from 1pps to 100Mpps.",
                 .remedy = "Examples: 500pps, 20kpps, 1Mpps.",
                 .exit = ExitCode::usage});
  }
  return static_cast<std::uint64_t>(std::llround(rate));
}

std::string duration_text(Duration duration) {
  const auto ns = duration.count();
  constexpr std::array<Unit, 4> units{{{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}};
  for (const auto& unit : units) {
    if (static_cast<double>(ns) >= unit.factor || unit.factor <= 1) {
      return fmt::format("{:g} {}", static_cast<double>(ns) / unit.factor, unit.suffix);
    }
  }
  return {};
}

}  // namespace netobs
