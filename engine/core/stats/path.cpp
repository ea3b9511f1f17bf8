#include "core/stats/path.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/stats/wide.hpp"

namespace netobs::stats {
namespace {

/// What a packet goes through between a point and the next one of the kernel's own path, in the
/// field's words. In the order of point_table; empty: nothing of that path begins there.
constexpr std::array<std::string_view, point_count> elementary_names{
    "syscall and stack",  // app_tx to tx_sched
    "egress hooks",       // netfilter egress and tc, up to our own tc program
    "qdisc",              // tc_egress to pcap_tx, or where no capture runs to net_dev_start_xmit
    "",                   // pcap_tx: the taps themselves, see tap_name
    "driver",             // net_dev_start_xmit to tx_software
    "ring and NIC",       // tx_software to tx_hardware
    "",                   // xdp_tx
    "",                   // tx_completion
    "",                   // tx_hardware: what follows is the network
    "NIC to stack",       // rx_hardware to rx_software
    "",                   // xdp_rx
    "",                   // rx_software: what follows begins at pcap_rx, the same instant
    "softirq and RPS",    // pcap_rx to tc_ingress
    "IP and UDP",         // tc_ingress to socket_delivery
    "wake-up",            // socket_delivery to skb_copy_datagram_iovec
    "copy",               // skb_copy_datagram_iovec to app_rx
    "residence",          // app_rx to app_tx, on the reflector
};

/// pcap_tx to net_dev_start_xmit, where both are on.
constexpr std::string_view tap_name = "capture taps";

struct BypassName {
  Point from;
  Point to;
  std::string_view name;
};
/// Where an XDP program takes the packet out of the kernel's path.
constexpr std::array bypass_names{
    BypassName{Point::rx_hardware, Point::xdp_rx, "NIC to XDP"},
    BypassName{Point::xdp_rx, Point::app_rx, "AF_XDP delivery"},
    BypassName{Point::xdp_rx, Point::xdp_tx, "XDP program"},
    BypassName{Point::xdp_tx, Point::tx_hardware, "ring and NIC"},
    BypassName{Point::app_tx, Point::tx_hardware, "AF_XDP send, ring and NIC"},
};

constexpr std::array<std::string_view, 8> kind_names{
    "sender_tx",    "network_forward",  "reflector_rx", "residence",
    "reflector_tx", "network_backward", "sender_rx",    "network_both_ways"};

constexpr std::array<std::string_view, 3> clock_names{"unknown", "synchronised", "same_clock"};

bool is_hardware(Point point) {
  return info(point).layer == Layer::nic;
}

bool has_direction(PointSet set, Direction direction) {
  return std::ranges::any_of(point_table, [&](const PointInfo& row) {
    return row.direction == direction && row.layer != Layer::nic && row.in_order &&
           set.has(row.point);
  });
}

std::string joined_name(Point from, Point to) {
  std::string joined;
  const auto append = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      // Without a clock map the hardware points do not exist here, and they lie at the end.
      if (elementary_names[i].empty()) continue;
      if (!joined.empty()) joined += ", ";
      joined += elementary_names[i];
    }
  };
  if (order(from) < order(to)) {
    append(order(from), order(to));
  } else {  // from receive to transmit, through the reflector's application
    append(order(from), point_count);
    append(0, order(to));
  }
  return joined;
}

bool is_foreign_clock(const PathConfig& config, std::size_t slot_index) {
  return is_hardware(slot_point(slot_index)) && !config.nic[index(slot_host(slot_index))].converted;
}

/// What lies between two slots' clocks.
std::int64_t between_clocks_ns(std::size_t from, std::size_t to, const PathConfig& config) {
  const bool same_host = slot_host(from) == slot_host(to);
  if (same_host && is_hardware(slot_point(from)) == is_hardware(slot_point(to))) return 0;
  std::int64_t bound_ns = same_host ? 0 : config.clocks.bound_ns;
  for (const auto end : {from, to}) {
    if (!is_hardware(slot_point(end))) continue;
    bound_ns = saturating_sum(bound_ns, config.nic[index(slot_host(end))].bound_ns);
  }
  return bound_ns;
}

using Active = std::array<PointSet, host_count>;

bool bypasses_stack(PointSet active) {
  return active.has(Point::xdp_rx) || active.has(Point::xdp_tx);
}

std::string inner_name(Point from, Point to, PointSet active) {
  if (bypasses_stack(active)) {
    for (const auto& row : bypass_names) {
      if (row.from == from && row.to == to) return std::string(row.name);
    }
  }
  auto name = joined_name(from, to);
  return name.empty() ? std::string(tap_name) : name;
}

/// Says how much of the hosts is in it: an honest name when the points next to the wire are
/// missing.
std::string network_name(std::initializer_list<std::size_t> ends, std::string_view way,
                         const Active& active) {
  std::string_view what = "network";
  for (const auto end : ends) {
    const Point point = slot_point(end);
    const bool received = point == Point::rx_software || point == Point::pcap_rx;
    if (point == Point::tx_software || received || is_hardware(point)) continue;
    if (point == Point::pcap_tx || bypasses_stack(active[index(slot_host(end))])) {
      // No stack lies there, but the ring and the driver do.
      if (what == "network") what = "network and drivers";
    } else {
      what = "network and stacks";
    }
  }
  return fmt::format("{}, {}", what, way);
}

SegmentKind kind_between(std::size_t from, std::size_t to) {
  const Host from_host = slot_host(from);
  const Direction from_way = info(slot_point(from)).direction;
  const Direction to_way = info(slot_point(to)).direction;
  if (from_host != slot_host(to)) {
    return from_host == Host::sender ? SegmentKind::network_forward : SegmentKind::network_backward;
  }
  if (from_host == Host::sender) {
    if (from_way != to_way) return SegmentKind::network_both_ways;
    return from_way == Direction::tx ? SegmentKind::sender_tx : SegmentKind::sender_rx;
  }
  if (from_way != to_way) return SegmentKind::residence;
  return from_way == Direction::rx ? SegmentKind::reflector_rx : SegmentKind::reflector_tx;
}

Segment make_segment(std::size_t from, std::size_t to, const Active& active) {
  Segment segment{from, to, kind_between(from, to), {}, {}};
  switch (segment.kind) {
    case SegmentKind::network_forward:
      segment.name = network_name({from, to}, "out", active);
      break;
    case SegmentKind::network_backward:
      segment.name = network_name({from, to}, "back", active);
      break;
    case SegmentKind::network_both_ways:
      segment.name = "network and reflector";
      break;
    default:
      segment.name = inner_name(slot_point(from), slot_point(to), active[index(slot_host(from))]);
  }
  return segment;
}

/// Replaces the two one-way segments by one that needs no common clock.
void combine_network(std::vector<Segment>& segments, const Active& active) {
  const auto by_kind = [&](SegmentKind kind) {
    return std::ranges::find(segments, kind, &Segment::kind);
  };
  const auto forward = by_kind(SegmentKind::network_forward);
  const auto backward = by_kind(SegmentKind::network_backward);
  if (forward == segments.end() || backward == segments.end()) return;
  forward->name =
      network_name({forward->from, forward->to, backward->from, backward->to}, "both ways", active);
  forward->less = Segment::Bracket{forward->to, backward->from};
  forward->to = backward->to;
  forward->kind = SegmentKind::network_both_ways;
  segments.erase(backward);
}

}  // namespace

std::string_view name(SegmentKind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

std::string_view place_of(SegmentKind kind) {
  switch (kind) {
    case SegmentKind::sender_tx:
    case SegmentKind::sender_rx:
      return "sender";
    case SegmentKind::reflector_rx:
    case SegmentKind::residence:
    case SegmentKind::reflector_tx:
      return "reflector";
    default:
      return "network";
  }
}

std::string_view name(ClockRelation::Kind kind) {
  return clock_names[static_cast<std::size_t>(kind)];
}

std::optional<ClockRelation::Kind> clock_relation_from_name(std::string_view name) {
  for (std::size_t i = 0; i < clock_names.size(); ++i) {
    if (clock_names[i] == name) return static_cast<ClockRelation::Kind>(i);
  }
  return std::nullopt;
}

std::string Segment::key() const {
  if (kind == SegmentKind::network_both_ways) return "network.both_ways";
  return fmt::format("segment.{}.{}.{}.{}", netobs::name(slot_host(from)),
                     netobs::name(slot_point(from)), netobs::name(slot_host(to)),
                     netobs::name(slot_point(to)));
}

Path build_path(const PathConfig& config) {
  const PointSet reflector = config.active[index(Host::reflector)];
  const bool through_reflector =
      has_direction(reflector, Direction::rx) && has_direction(reflector, Direction::tx);
  Path path;
  for (const std::size_t slot_index : path_order) {
    const Host host = slot_host(slot_index);
    const Point point = slot_point(slot_index);
    if (!config.active[index(host)].has(point)) continue;
    if (host == Host::reflector && !through_reflector) continue;
    if (!info(point).in_order || is_foreign_clock(config, slot_index)) continue;
    // The same instant twice is no interval.
    if (point == Point::pcap_rx && config.active[index(host)].has(Point::rx_software)) continue;
    path.chain.push_back(slot_index);
  }
  for (std::size_t i = 0; i + 1 < path.chain.size(); ++i) {
    path.segments.push_back(make_segment(path.chain[i], path.chain[i + 1], config.active));
  }
  if (!config.clocks.one_way_allowed()) combine_network(path.segments, config.active);
  return path;
}

std::int64_t uncertainty_ns(const Segment& segment, const PathConfig& config) {
  const auto whole = between_clocks_ns(segment.from, segment.to, config);
  if (!segment.less) return whole;
  return saturating_sum(whole, between_clocks_ns(segment.less->from, segment.less->to, config));
}

std::optional<std::int64_t> length_ns(const Segment& segment, const ProbeRecord& record) {
  const auto captured = [&](std::size_t slot_index) {
    return record.reason[slot_index] == Reason::captured;
  };
  if (!captured(segment.from) || !captured(segment.to)) return std::nullopt;
  const std::int64_t whole = saturating_difference(record.ns[segment.to], record.ns[segment.from]);
  if (!segment.less) return whole;
  if (!captured(segment.less->from) || !captured(segment.less->to)) return std::nullopt;
  return saturating_difference(
      whole, saturating_difference(record.ns[segment.less->to], record.ns[segment.less->from]));
}

}  // namespace netobs::stats
