#include "core/report/format.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/report/clean_text.hpp"

namespace netobs::report {
namespace {

constexpr std::array<TimeUnit, 4> units{{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};

std::string insert_groups(std::string digits) {
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ' ');
  }
  return digits;
}

/// value >= 0: three significant digits, fewer below 1.
std::string three_digits(double value) {
  if (value == 0) return "0";
  auto digits_before = static_cast<int>(std::floor(std::log10(value))) + 1;
  const double step = std::pow(10.0, digits_before - 3);
  const double rounded = std::round(value / step) * step;
  if (rounded >= std::pow(10.0, digits_before)) ++digits_before;  // 9.996 has become 10.0
  if (digits_before >= 3) return insert_groups(fmt::format("{:.0f}", rounded));
  // Below one, two decimals are enough beside the larger values of a column; below 0.1 a third one
  // keeps it from looking like nothing.
  const int decimals = value < 0.1 ? 3 : std::min(2, 3 - digits_before);
  return fmt::format("{:.{}f}", rounded, decimals);
}

std::string joined_short(const stats::Segment& segment) {
  return fmt::format("{} to {}", netobs::name(slot_point(segment.from)),
                     netobs::name(slot_point(segment.to)));
}

std::string network_label(const stats::Segment& segment) {
  using stats::SegmentKind;
  std::string label = segment.kind == SegmentKind::network_forward    ? "out"
                      : segment.kind == SegmentKind::network_backward ? "back"
                      : segment.less                                  ? "out and back"
                                                                      : "and reflector";
  if (segment.name.starts_with("network and stacks")) label += ", stacks";
  return label;
}

}  // namespace

TimeUnit unit_for(std::vector<double> column_ns) {
  for (double& each : column_ns) each = std::fabs(each);
  std::erase(column_ns, 0.0);
  if (column_ns.empty()) return units[0];
  std::ranges::sort(column_ns);
  const double median = column_ns[column_ns.size() / 2];
  std::size_t unit = 0;
  while (unit + 1 < units.size() && column_ns.back() >= units[unit + 1].per_unit_ns) ++unit;
  while (unit > 0 && median < units[unit].per_unit_ns / 10) --unit;
  return units[unit];
}

std::string duration_text(double ns, const TimeUnit& unit) {
  const std::string digits = three_digits(std::fabs(ns) / unit.per_unit_ns);
  return fmt::format("{}{} {}", ns < 0 ? "-" : "", digits, unit.name);
}

std::string duration_text(double ns) {
  return duration_text(ns, unit_for({ns}));
}

std::string range_text(std::int64_t low_ns, std::int64_t high_ns) {
  const auto low = static_cast<double>(low_ns);
  const auto high = static_cast<double>(high_ns);
  const TimeUnit unit = unit_for({low, high});
  return fmt::format("{}{} to {}", low < 0 ? "-" : "",
                     three_digits(std::fabs(low) / unit.per_unit_ns), duration_text(high, unit));
}

std::string grouped(std::uint64_t value) {
  return insert_groups(fmt::format("{}", value));
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

std::string percent_text(double share) {
  const double percent = share * 100;
  if (percent != 0 && std::fabs(percent) < 0.95) return fmt::format("{:.1f} %", percent);
  return fmt::format("{:.0f} %", percent);
}

std::string percent_floor(double share) {
  if (share >= 1) return "100 %";
  return fmt::format("{:.2f} %", std::floor(share * 10'000) / 100);
}

bool intended_differs(const Summary& summary) {
  const auto& actual = summary.rtt[0];
  const auto& intended = summary.rtt_intended;
  if (!actual || !intended) return false;
  const bool tail = actual->p99() && intended->p99();
  const auto a = static_cast<double>(tail ? *actual->p99() : actual->max);
  const auto b = static_cast<double>(tail ? *intended->p99() : intended->max);
  return b > 1.05 * a && b - a > 1000;
}

std::string what_over_what(const RunInfo& run) {
  return run.link.empty() ? run.target : fmt::format("{} over {}", run.target, run.link);
}

std::vector<std::string> how(const RunInfo& run) {
  std::vector<std::string> items;
  if (!run.transport.empty()) items.push_back(run.transport);
  items.push_back(run.count != 0 ? counted(run.count, "probe")
                                 : fmt::format("for {}", duration_text(run.duration_ns)));
  if (!run.schedule.empty()) items.push_back(run.schedule);
  items.push_back(fmt::format("{} bytes", run.size_bytes));
  return items;
}

std::string layers_text(const Summary& summary) {
  std::vector<std::string_view> layers;
  std::uint64_t points = 0;
  for (const auto& layer : layer_table) {
    std::uint64_t of_layer = 0;
    for (const std::size_t slot_index : path_order) {
      const bool on = summary.ledger.at(slot_index).plan == Reason::captured;
      if (on && info(slot_point(slot_index)).layer == layer.layer) ++of_layer;
    }
    if (of_layer > 0) layers.push_back(layer.name);
    points += of_layer;
  }
  return fmt::format("{}: {} on the two hosts", fmt::join(layers, ", "), counted(points, "point"));
}

std::vector<std::string> probe_items(const RunDocument& document) {
  const auto& probes = document.probes;
  std::string answered = fmt::format("answered {}", grouped(probes.received));
  std::string lost = fmt::format("lost {}", grouped(probes.lost));
  if (probes.lost != 0) {
    answered += fmt::format(" ({})", percent_floor(static_cast<double>(probes.received) /
                                                   static_cast<double>(probes.sent)));
    std::vector<std::string> parts;
    const auto part = [&](std::uint64_t count, std::string_view name) {
      if (count != 0) parts.push_back(fmt::format("{} {}", name, grouped(count)));
    };
    part(probes.lost_forward, "out");
    part(probes.lost_backward, "back");
    part(probes.late, "late");
    part(probes.lost_unknown, "direction unknown");
    lost += fmt::format(" ({})", fmt::join(parts, ", "));
  }
  std::vector<std::string> items{fmt::format("sent {}", grouped(probes.sent)),
                                 answered,
                                 lost,
                                 fmt::format("duplicate {}", grouped(probes.duplicate)),
                                 fmt::format("reordered {}", grouped(probes.reordered)),
                                 fmt::format("skipped {}", grouped(document.skipped))};
  if (probes.send_failed != 0) {
    items.push_back(fmt::format("send failed {}", grouped(probes.send_failed)));
  }
  return items;
}

std::vector<std::string> check_items(const stats::ViolationCounters& violations) {
  std::vector<std::string> items;
  if (violations.order_checked == 0) {
    items.emplace_back("no record to check");
    return items;
  }
  items.push_back(violations.causal_order == 0
                      ? "every record in causal order"
                      : fmt::format("{} of {} out of causal order",
                                    grouped(violations.causal_order),
                                    counted(violations.order_checked, "record")));
  if (violations.identity_checked == 0) {
    items.emplace_back("no record has every point, so sums are unchecked");
  } else if (violations.identity == 0) {
    items.push_back(fmt::format("segments add up to the round trip in all {}",
                                grouped(violations.identity_checked)));
  } else {
    items.push_back(fmt::format("segments do not add up in {} of {}", grouped(violations.identity),
                                grouped(violations.identity_checked)));
  }
  if (violations.capture_checked != 0) {
    items.push_back(violations.capture_differs == 0
                        ? fmt::format("the capture's arrivals are rx_software in all {}",
                                      grouped(violations.capture_checked))
                        : fmt::format("the capture's arrivals are not rx_software in {} of {}",
                                      grouped(violations.capture_differs),
                                      grouped(violations.capture_checked)));
  }
  return items;
}

bool is_sound(const stats::ViolationCounters& violations) {
  return violations.causal_order == 0 && violations.identity == 0 &&
         violations.capture_differs == 0;
}

std::optional<double> coverage_of(const Figures& figures, const RunDocument& document) {
  if (document.probes.received == 0) return std::nullopt;
  return static_cast<double>(figures.count) / static_cast<double>(document.probes.received);
}

std::vector<std::string> nic_clock_items(const NicClockInfo& nic, bool utf8) {
  const std::string_view sign = utf8 ? "\u00b1" : "+-";
  constexpr double ppb_per_ppm = 1'000;
  std::vector<std::string> items;
  items.push_back(nic.clock.empty() ? nic.host : fmt::format("{}: {}", nic.host, nic.clock));
  if (nic.looks != 0) items.back() += fmt::format(", time scale {}", nic.time_scale);
  items.push_back(nic.converted ? fmt::format("within {}{}", sign, duration_text(nic.bound_ns))
                                : "not compared with the host's clock");
  if (nic.looks > 1) {
    items.push_back(fmt::format("drift {:.2f} ppm {}{:.2f}", nic.drift_ppb / ppb_per_ppm, sign,
                                nic.drift_bound_ppb / ppb_per_ppm));
  }
  if (nic.steps != 0) items.push_back(fmt::format("set {} in mid-run", counted(nic.steps, "time")));
  if (!nic.rx_filter.empty()) items.push_back(fmt::format("receives stamped: {}", nic.rx_filter));
  if (!nic.changed.empty()) items.push_back(fmt::format("changed for the run: {}", nic.changed));
  return items;
}

std::string short_name(const stats::Segment& segment, std::int64_t uncertainty_ns,
                       std::size_t width, bool utf8) {
  const std::string unsure = uncertainty_ns == 0 ? std::string()
                                                 : fmt::format(" {}{}", utf8 ? "\u00b1" : "+-",
                                                               duration_text(uncertainty_ns));
  const std::size_t room = width - std::min(width, display_width(unsure));
  std::string label = stats::place_of(segment.kind) == "network" ? network_label(segment)
                      : segment.name.size() <= room              ? segment.name
                                                                 : joined_short(segment);
  if (label.size() > room) label.resize(room);
  return label + unsure;
}

}  // namespace netobs::report
