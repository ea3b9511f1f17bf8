#include "linux/transport/af_xdp/af_xdp_setup.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "linux/os/link_device.hpp"
#include "linux/transport/af_xdp/listening_link.hpp"

namespace netobs {
namespace {

constexpr std::uint32_t most_tx_frames = 8192;
constexpr std::uint32_t least_rx_frames = 64;
constexpr std::uint32_t most_rx_frames = 32768;
/// ICMP errors and stray datagrams only.
constexpr std::uint32_t control_buffer_bytes = 256U << 10U;

Result<UdpSocket> open_control(const TransportOptions& options) {
  TransportOptions plain = options;
  plain.points = {};
  plain.receive_buffer_bytes = control_buffer_bytes;
  plain.busy_poll_us = 0;
  return open_udp_socket(plain);
}

/// The device, and for a connected transport the address to send from.
struct Way {
  os::LinkDevice device;
  Endpoint source;
};

Result<Way> find_way(const TransportOptions& options, const UdpSocket& control) {
  if (!options.remote) {
    NETOBS_TRY(name, listening_interface(options.local, options.interface));
    NETOBS_TRY(device, os::link_device(name));
    return Way{device, {}};
  }
  os::LinkPathQuery query;
  query.remote = *options.remote;
  query.source = control.local_address();
  if (!options.interface.empty()) {
    NETOBS_TRY(named, os::link_device(options.interface));
    query.interface = named.index;
  }
  NETOBS_TRY(path, os::find_link_path(query));
  return Way{path.device, path.source};
}

AfXdpLinkOptions link_options(const TransportOptions& options, const UdpSocket& control,
                              const Way& way) {
  AfXdpLinkOptions link;
  link.interface = way.device.carrier;
  auto& steering = link.steering;
  steering.ifindex = way.device.carrier_index;
  steering.local_addresses = receiving_addresses(options.remote ? way.source : options.local);
  steering.local_port = control.local.port;
  steering.remote = options.remote;
  steering.vlan_id = way.device.vlan ? way.device.vlan->id : std::uint16_t{0};
  steering.mac = way.device.mac;
  steering.rx_hardware = options.points.has(Point::rx_hardware);
  steering.tai_clock = options.af_xdp.tai_clock;
  link.af_xdp = options.af_xdp;
  link.busy_poll_us = options.busy_poll_us;
  link.rx_frames = std::clamp(std::bit_ceil(static_cast<std::uint32_t>(options.rx_buffers)),
                              least_rx_frames, most_rx_frames);
  // As many may be under way as there are slots, while the next ones are being filled.
  link.tx_frames =
      std::min(std::bit_ceil(static_cast<std::uint32_t>(2 * options.tx_slots)), most_tx_frames);
  link.tx_hardware = options.points.has(Point::tx_hardware);
  return link;
}

PointSet enabled_points(const TransportOptions& options, const AfXdpLink& link) {
  PointSet points = options.points & points_of(Layer::xdp) & af_xdp_path;
  if (options.points.has(Point::rx_hardware) && link.steering->takes_hardware_times()) {
    points.add(Point::rx_hardware);
  }
  if (options.points.has(Point::tx_hardware) && link.sockets.front().has_tx_metadata()) {
    points.add(Point::tx_hardware);
  }
  return points;
}

}  // namespace

Result<AfXdpParts> open_af_xdp(const TransportOptions& options) {
  NETOBS_TRY(control, open_control(options));
  NETOBS_TRY(way, find_way(options, control));
  FlowLink flow_link;
  flow_link.interface = way.device.index;
  flow_link.vlan = way.device.vlan;
  flow_link.mac = way.device.mac;
  flow_link.mtu_bytes = way.device.mtu_bytes;
  flow_link.port = control.local.port;
  flow_link.dscp = options.dscp;
  NETOBS_TRY(netlink, os::Netlink::open());
  FlowTable flows(flow_link, std::move(netlink));
  if (options.remote && flows.find(*options.remote, way.source) == nullptr) {
    return fail({.what = "find the way to " + options.remote->address_text(),
                 .sys_errno = flows.error(),
                 .cause = "",
                 .remedy = "`ip route get ADDRESS` and `ip neigh` show what is missing."});
  }
  NETOBS_TRY(watch, os::LinkWatch::open());
  const auto wanted = link_options(options, control, way);
  NETOBS_TRY(link, AfXdpLink::open(wanted));
  const auto points = enabled_points(options, link);
  const auto clock = linux_bpf::HookClock::of(link.steering->clock(), {});
  return AfXdpParts{.control = std::move(control),
                    .link = std::move(link),
                    .flows = std::move(flows),
                    .watch = std::move(watch),
                    .clock = clock,
                    .source = way.source,
                    .scope_id = static_cast<std::uint32_t>(way.device.index),
                    .tx_frames = wanted.tx_frames,
                    .points = points};
}

}  // namespace netobs
