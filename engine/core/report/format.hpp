#pragma once
// Numbers and words for a person, shared by the text and the Markdown renderer.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/report/summary.hpp"

namespace netobs::report {

/// A unit of time; the value in it is ns / per_unit_ns.
struct TimeUnit {
  std::string_view name;
  double per_unit_ns;
};

/// The unit for a column: that of its largest magnitude, but a finer one where the median would
/// fall below a tenth of it, so that the usual row reads best.
[[nodiscard]] TimeUnit unit_for(std::vector<double> column_ns);

/// Three significant digits, two below 1: "14.2 us", "0.31 us", "412 us", "1 230 us", "0.004 us".
[[nodiscard]] std::string duration_text(double ns, const TimeUnit& unit);
[[nodiscard]] std::string duration_text(double ns);  ///< in its own best unit
[[nodiscard]] inline std::string duration_text(std::int64_t ns) {
  return duration_text(static_cast<double>(ns));
}

/// "17.3 to 17.4 us".
[[nodiscard]] std::string range_text(std::int64_t low_ns, std::int64_t high_ns);

/// Thousands set apart: 10000 -> "10 000".
[[nodiscard]] std::string grouped(std::uint64_t value);
/// "1 probe", "10 000 probes".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view noun);

/// "13 %", "0.4 %".
[[nodiscard]] std::string percent_text(double share);
/// Never rounds up: 0.99999 is "99.99 %", only 1 is "100 %".
[[nodiscard]] std::string percent_floor(double share);

/// Whether the delay against the intended send time tells something else than the round trip: its
/// p99 (or, in a small sample, its maximum) is more than 5 % and 1 us above.
[[nodiscard]] bool intended_differs(const Summary& summary);

/// "198.18.0.2:862 over va0 (veth: no wire)".
[[nodiscard]] std::string what_over_what(const RunInfo& run);
/// "io_uring", "10 000 probes", "every 500 us", "172 bytes".
[[nodiscard]] std::vector<std::string> how(const RunInfo& run);
/// "sent 10 000", "answered 9 990 (99.90 %)", "lost 10 (out 3, back 7)", ...
[[nodiscard]] std::vector<std::string> probe_items(const RunDocument& document);
/// "app, kernel, tc: 12 points on the two hosts": what was switched on, and so took its share of
/// the time.
[[nodiscard]] std::string layers_text(const Summary& summary);
/// What the checks found, one sentence each.
[[nodiscard]] std::vector<std::string> check_items(const stats::ViolationCounters& violations);
/// Nothing was found.
[[nodiscard]] bool is_sound(const stats::ViolationCounters& violations);

/// Share of answered probes that have the figure: 1 = all. nullopt when none was answered.
[[nodiscard]] std::optional<double> coverage_of(const Figures& figures,
                                                const RunDocument& document);

/// "sender: /dev/ptp0, TAI", "within +-120 ns", "drift 12.3 ppm +-0.2": one NIC's clock.
[[nodiscard]] std::vector<std::string> nic_clock_items(const NicClockInfo& nic, bool utf8);

/// The segment's name beside its place, at most `width` columns: point names where the joined names
/// are too long. uncertainty_ns: shown as +- when it is not 0 (stats::uncertainty_ns).
[[nodiscard]] std::string short_name(const stats::Segment& segment, std::int64_t uncertainty_ns,
                                     std::size_t width, bool utf8);

}  // namespace netobs::report
