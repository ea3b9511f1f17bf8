#include "core/conditions/ping_text.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>

#include "core/stats/jitter.hpp"

namespace netobs::conditions {
namespace {

constexpr double ns_per_ms = 1e6;
constexpr double longest_ms = 600'000;

std::unexpected<Error> unreadable(std::string what, std::string cause) {
  return fail(
      {.what = std::move(what), .sys_errno = EBADMSG, .cause = std::move(cause), .remedy = ""});
}

/// The number right behind `mark`.
template <class T>
std::optional<T> number_after(std::string_view line, std::string_view mark) {
  const auto at = line.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto rest = line.substr(at + mark.size());
  T value{};
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (code != std::errc{}) return std::nullopt;
  return value;
}

/// "10 packets transmitted, 9 received, ..." (BusyBox: "9 packets received").
std::optional<std::uint64_t> transmitted(std::string_view line) {
  if (line.find(" packets transmitted") == std::string_view::npos) return std::nullopt;
  return number_after<std::uint64_t>(line, "");
}

}  // namespace

Result<EchoSeries> parse_ping(std::string_view text) {
  EchoSeries series{.method = "ping"};
  stats::InterarrivalJitter jitter;
  std::optional<std::uint64_t> sent;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (const auto count = transmitted(line)) sent = count;
    const auto time_ms = number_after<double>(line, " time=");
    if (!time_ms || line.find("DUP!") != std::string_view::npos) continue;
    if (!(*time_ms >= 0 && *time_ms <= longest_ms)) continue;
    const auto rtt_ns = static_cast<std::int64_t>(std::llround(*time_ms * ns_per_ms));
    series.rtt.add(rtt_ns);
    jitter.add(rtt_ns);
    ++series.received;
    auto ttl = number_after<unsigned>(line, " ttl=");
    if (!ttl) ttl = number_after<unsigned>(line, " hlim=");
    if (ttl && *ttl > 0 && *ttl <= 255) series.ttl = static_cast<std::uint8_t>(*ttl);
  }
  if (!sent || *sent == 0 || series.received > *sent) {
    return unreadable("measure latency with ping", "Its output has no sensible summary line.");
  }
  series.sent = *sent;
  series.jitter_ns = jitter.ns();
  return series;
}

Result<std::string> parse_public_ip(std::string_view body) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = body.find_first_not_of(blanks);
  const auto last = body.find_last_not_of(blanks);
  std::array<unsigned char, 16> bytes{};
  if (first != std::string_view::npos && last - first < INET6_ADDRSTRLEN) {
    std::string text(body.substr(first, last - first + 1));
    for (const int family : {AF_INET, AF_INET6}) {
      if (::inet_pton(family, text.c_str(), bytes.data()) == 1) return text;
    }
  }
  return unreadable("read the public address", "The service answered with something else.");
}

Result<double> parse_bit_rate(std::string_view text) {
  double value = 0;
  const auto* last = text.data() + text.size();
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  const double scale = unit.empty()                 ? 1
                       : unit == "k" || unit == "K" ? 1e3
                       : unit == "M"                ? 1e6
                       : unit == "G"                ? 1e9
                                                    : 0;
  if (code != std::errc{} || !(value * scale >= 1e3 && value * scale <= 1e12)) {
    return fail({.what = fmt::format("'{}' is not a rate in bits per second", text),
                 .cause = "",
                 .remedy = "Examples: 10M, 2.5G, 500k.",
                 .exit = ExitCode::usage});
  }
  return value * scale;
}

}  // namespace netobs::conditions
