#pragma once
// The views of the round trip: the same probe measured between different pairs of points.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/layer/record.hpp"
#include "core/stats/wide.hpp"

namespace netobs::stats {

struct View {
  std::string_view name;   ///< in JSON and metric keys
  std::string_view label;  ///< for a person
  Point tx;
  Point rx;
};

inline constexpr std::array<View, 5> view_table{{
    {"app", "application", Point::app_tx, Point::app_rx},
    {"kernel", "kernel", Point::tx_software, Point::rx_software},
    {"tc", "eBPF tc", Point::tc_egress, Point::tc_ingress},
    {"pcap", "capture", Point::pcap_tx, Point::pcap_rx},
    {"nic", "NIC", Point::tx_hardware, Point::rx_hardware},
}};

/// Index in view_table of the one that stands for the round trip as a whole: the application's, or,
/// where nobody was in the application (a replayed capture), the first that the sender has.
[[nodiscard]] constexpr std::size_t primary_view(PointSet sender_active) {
  for (std::size_t i = 0; i < view_table.size(); ++i) {
    if (sender_active.has(view_table[i].tx) && sender_active.has(view_table[i].rx)) return i;
  }
  return 0;
}

/// t(b) - t(a) on one host, nullopt unless both are captured.
[[nodiscard]] inline std::optional<std::int64_t> between_ns(const ProbeRecord& record, Host host,
                                                            Point a, Point b) {
  const auto from = record.at(host, a);
  const auto to = record.at(host, b);
  if (!from || !to) return std::nullopt;
  return saturating_difference(*to, *from);
}

/// rtt(x) = t4x - t1x: from the sender's transmit point to its receive point. One clock.
[[nodiscard]] inline std::optional<std::int64_t> rtt_ns(const ProbeRecord& record,
                                                        const View& view) {
  return between_ns(record, Host::sender, view.tx, view.rx);
}

/// net_rtt(x) = (t4x - t1x) - (t3x - t2x): the round trip less the time inside the reflector, seen
/// at the same pair of points. Each bracket is within one clock.
[[nodiscard]] inline std::optional<std::int64_t> net_rtt_ns(const ProbeRecord& record,
                                                            const View& view) {
  const auto round_trip = rtt_ns(record, view);
  // A reflector that is an XDP program has no application: the program stands where it would.
  const bool program = view.tx == Point::app_tx && record.at(Host::reflector, Point::xdp_tx);
  const auto inside = program ? between_ns(record, Host::reflector, Point::xdp_rx, Point::xdp_tx)
                              : between_ns(record, Host::reflector, view.rx, view.tx);
  if (!round_trip || !inside) return std::nullopt;
  return saturating_difference(*round_trip, *inside);
}

}  // namespace netobs::stats
