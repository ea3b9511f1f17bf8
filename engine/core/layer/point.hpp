#pragma once
// THE table of timestamp points: every place where a probe can be timestamped, in the order a
// packet passes them. A new layer is a new row here; the causal-order check, the segments, the
// store's columns, the wire mask and the report all follow from this table.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace netobs {

enum class Host : std::uint8_t { sender, reflector };
inline constexpr std::size_t host_count = 2;

/// The numeric values are the bit numbers of the Net Obs TLV's masks: append only. The causal order
/// is that of point_table.
enum class Point : std::uint8_t {
  app_tx,
  tx_sched,
  tc_egress,
  net_dev_start_xmit,
  tx_software,
  tx_hardware,
  rx_hardware,
  rx_software,
  tc_ingress,
  socket_delivery,
  skb_copy_datagram_iovec,
  app_rx,
  xdp_rx,
  xdp_tx,
  tx_completion,
  pcap_tx,
  pcap_rx,
};
inline constexpr std::size_t point_count = 17;

enum class Direction : std::uint8_t { tx, rx };

/// What a user switches on or off with --layers.
enum class Layer : std::uint8_t { app, kernel, tc, socket, trace, nic, xdp, pcap };
inline constexpr std::size_t layer_count = 8;

struct PointInfo {
  Point point;
  std::string_view name;
  Direction direction;
  Layer layer;
  std::string_view where;  ///< where in the path, in the kernel's words
  /// Comes before the following rows of its direction, and before what the peer takes. False: it
  /// belongs to this packet but may be late, so it is no end of a segment.
  bool in_order = true;
};

/// In causal order within one direction (kernel: net/core/dev.c, net/ipv4/udp.c).
inline constexpr std::array<PointInfo, point_count> point_table{{
    {Point::app_tx, "app_tx", Direction::tx, Layer::app, "just before the send call"},
    {Point::tx_sched, "tx_sched", Direction::tx, Layer::kernel,
     "SCM_TSTAMP_SCHED, entering __dev_queue_xmit"},
    {Point::tc_egress, "tc_egress", Direction::tx, Layer::tc, "BPF at tc egress, before the qdisc"},
    {Point::pcap_tx, "pcap_tx", Direction::tx, Layer::pcap,
     "a packet capture: dev_queue_xmit_nit, after the qdisc"},
    {Point::net_dev_start_xmit, "net_dev_start_xmit", Direction::tx, Layer::trace,
     "tracepoint after the qdisc, before the driver"},
    {Point::tx_software, "tx_software", Direction::tx, Layer::kernel,
     "SCM_TSTAMP_SND, skb_tx_timestamp in the driver"},
    {Point::xdp_tx, "xdp_tx", Direction::tx, Layer::xdp, "the XDP program, just before XDP_TX"},
    {Point::tx_completion, "tx_completion", Direction::tx, Layer::xdp,
     "AF_XDP completion ring: the driver has given the frame back", false},
    {Point::tx_hardware, "tx_hardware", Direction::tx, Layer::nic,
     "SCM_TSTAMP_SND with the NIC's clock"},
    {Point::rx_hardware, "rx_hardware", Direction::rx, Layer::nic,
     "the NIC's clock, in the driver's descriptor"},
    {Point::xdp_rx, "xdp_rx", Direction::rx, Layer::xdp,
     "the XDP program: in the driver, or in SKB mode just before tc"},
    {Point::rx_software, "rx_software", Direction::rx, Layer::kernel,
     "SOF_TIMESTAMPING_RX_SOFTWARE, netif_rx or the receive core"},
    {Point::pcap_rx, "pcap_rx", Direction::rx, Layer::pcap,
     "a packet capture: the time of rx_software, copied"},
    {Point::tc_ingress, "tc_ingress", Direction::rx, Layer::tc, "BPF at tc ingress, before IP"},
    {Point::socket_delivery, "socket_delivery", Direction::rx, Layer::socket,
     "BPF socket filter, just before the enqueue"},
    {Point::skb_copy_datagram_iovec, "skb_copy_datagram_iovec", Direction::rx, Layer::trace,
     "tracepoint as the copy to user space begins"},
    {Point::app_rx, "app_rx", Direction::rx, Layer::app, "the receive call has returned"},
}};

struct LayerInfo {
  Layer layer;
  std::string_view name;
  std::string_view help;
  bool automatic = true;  ///< "auto" tries it
};

inline constexpr std::array<LayerInfo, layer_count> layer_table{{
    {Layer::app, "app", "CLOCK_REALTIME around the send and receive calls (always on)"},
    {Layer::kernel, "kernel",
     "SO_TIMESTAMPING software timestamps: tx_sched, tx_software, rx_software"},
    {Layer::tc, "tc", "eBPF at tc egress and ingress"},
    {Layer::socket, "socket", "eBPF socket filter on the tool's own socket: delivery"},
    {Layer::trace, "trace", "eBPF tracepoints: end of the qdisc, copy to user space"},
    {Layer::nic, "nic", "SO_TIMESTAMPING hardware timestamps of the NIC"},
    {Layer::xdp, "xdp", "the XDP program's own timestamps, where packets bypass the stack"},
    {Layer::pcap, "pcap",
     "libpcap on the interface: what tcpdump and Wireshark show; copies every packet once more, so "
     "only on request",
     false},
}};

[[nodiscard]] constexpr std::size_t index(Point point) {
  return static_cast<std::size_t>(point);
}
[[nodiscard]] constexpr std::size_t index(Host host) {
  return static_cast<std::size_t>(host);
}
[[nodiscard]] constexpr std::size_t index(Layer layer) {
  return static_cast<std::size_t>(layer);
}
[[nodiscard]] constexpr std::size_t index(Direction direction) {
  return static_cast<std::size_t>(direction);
}
/// Row of a point in point_table: its place in the causal order.
inline constexpr std::array<std::size_t, point_count> order_of_point = [] {
  std::array<std::size_t, point_count> rows{};
  for (std::size_t row = 0; row < point_count; ++row) rows[index(point_table[row].point)] = row;
  return rows;
}();
[[nodiscard]] constexpr std::size_t order(Point point) {
  return order_of_point[index(point)];
}
[[nodiscard]] constexpr const PointInfo& info(Point point) {
  return point_table[order(point)];
}
[[nodiscard]] constexpr std::string_view name(Point point) {
  return info(point).name;
}
[[nodiscard]] constexpr std::string_view name(Layer layer) {
  return layer_table[index(layer)].name;
}
[[nodiscard]] constexpr std::string_view name(Host host) {
  return host == Host::sender ? "sender" : "reflector";
}

/// A set of points, bit i = the point with value i.
class PointSet {
 public:
  constexpr PointSet() = default;
  constexpr explicit PointSet(std::uint32_t bits) : bits_(bits & valid_bits) {}
  [[nodiscard]] constexpr bool has(Point point) const { return (bits_ >> index(point) & 1U) != 0; }
  constexpr void add(Point point) { bits_ |= 1U << index(point); }
  constexpr void remove(Point point) { bits_ &= ~(1U << index(point)); }
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  [[nodiscard]] constexpr PointSet without(PointSet other) const {
    return PointSet(bits_ & ~other.bits_);
  }
  [[nodiscard]] constexpr bool covers(PointSet other) const { return (other.bits_ & ~bits_) == 0; }
  friend constexpr bool operator==(PointSet, PointSet) = default;
  friend constexpr PointSet operator|(PointSet a, PointSet b) {
    return PointSet(a.bits_ | b.bits_);
  }
  friend constexpr PointSet operator&(PointSet a, PointSet b) {
    return PointSet(a.bits_ & b.bits_);
  }

 private:
  static constexpr std::uint32_t valid_bits = (1U << point_count) - 1U;
  std::uint32_t bits_ = 0;
};

/// The points that one layer contributes.
[[nodiscard]] constexpr PointSet points_of(Layer layer) {
  PointSet set;
  for (const auto& row : point_table) {
    if (row.layer == layer) set.add(row.point);
  }
  return set;
}

/// What is taken beside the socket and comes through a HookSource.
inline constexpr PointSet hook_points = points_of(Layer::tc) | points_of(Layer::socket) |
                                        points_of(Layer::trace) | points_of(Layer::pcap);
/// What a packet passes on its way through the kernel's stack and sockets.
inline constexpr PointSet socket_path =
    PointSet((1U << point_count) - 1U).without(points_of(Layer::xdp));
/// What it passes where AF_XDP takes it past the stack.
inline constexpr PointSet af_xdp_path = [] {
  PointSet set = points_of(Layer::app) | points_of(Layer::nic) | points_of(Layer::xdp);
  set.remove(Point::xdp_tx);
  return set;
}();
/// What it passes where an XDP program answers it inside the driver.
inline constexpr PointSet xdp_reflector_path = [] {
  PointSet set = points_of(Layer::nic);
  set.add(Point::xdp_rx);
  set.add(Point::xdp_tx);
  return set;
}();

/// A slot of a probe record: one point on one host. Every slot is passed at most once per probe:
/// the sender's tx points and the reflector's rx points on the way out, the rest on the way back.
[[nodiscard]] constexpr std::size_t slot(Host host, Point point) {
  return index(host) * point_count + index(point);
}
inline constexpr std::size_t slot_count = host_count * point_count;
[[nodiscard]] constexpr Host slot_host(std::size_t slot_index) {
  return slot_index < point_count ? Host::sender : Host::reflector;
}
[[nodiscard]] constexpr Point slot_point(std::size_t slot_index) {
  return static_cast<Point>(slot_index % point_count);
}

/// The way of a probe, slot by slot, in causal order: out through the sender, in and out through
/// the reflector, in through the sender.
inline constexpr std::array<std::size_t, slot_count> path_order = [] {
  std::array<std::size_t, slot_count> order{};
  std::size_t next = 0;
  const auto append = [&](Host host, Direction direction) {
    for (const auto& row : point_table) {
      if (row.direction == direction) order[next++] = slot(host, row.point);
    }
  };
  append(Host::sender, Direction::tx);
  append(Host::reflector, Direction::rx);
  append(Host::reflector, Direction::tx);
  append(Host::sender, Direction::rx);
  return order;
}();

[[nodiscard]] std::optional<Layer> layer_from_name(std::string_view name);
[[nodiscard]] std::optional<Point> point_from_name(std::string_view name);

/// Why a slot has no timestamp. Zero never stands for "missing".
enum class Reason : std::uint8_t {
  captured,        ///< it has one
  not_requested,   ///< the layer was not switched on; of one probe: not among those sampled
  not_on_path,     ///< the transport does not pass this point
  unsupported,     ///< asked for, but this host or the peer cannot give it
  probe_lost,      ///< the packet is not known to have come this far
  lost_by_kernel,  ///< the packet passed, the kernel delivered no timestamp
  lost_by_us,      ///< a bounded queue or buffer of ours was full, counted
  late,            ///< arrived after the record was closed
  duplicate,       ///< a second packet with this number overwrote nothing and is counted
  clock_invalid,   ///< the clock stepped, or the value is impossible
  not_reported,    ///< the reflector took it or not, but its report of this probe did not arrive
  skipped_by_nic,  ///< the driver's statistics say that it stamped fewer than it was asked to
};
inline constexpr std::size_t reason_count = 12;
[[nodiscard]] std::string_view name(Reason reason);
[[nodiscard]] std::optional<Reason> reason_from_name(std::string_view name);

}  // namespace netobs
