#pragma once
// Everything an AF_XDP transport is made of, opened in the order that gives the clearest errors.

#include <cstdint>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "linux/bpf/hook_clock.hpp"
#include "linux/os/link_path.hpp"
#include "linux/transport/af_xdp/af_xdp_link.hpp"
#include "linux/transport/af_xdp/flow_table.hpp"
#include "linux/transport/udp_socket.hpp"
#include "linux/transport/udp_transport.hpp"

namespace netobs {

struct AfXdpParts {
  UdpSocket control;  ///< holds the port, gets ICMP errors
  AfXdpLink link;
  FlowTable flows;
  os::LinkWatch watch;
  linux_bpf::HookClock clock;  ///< of the program's times
  Endpoint source;             ///< address that a connected transport sends from
  std::uint32_t scope_id = 0;  ///< of link-local peers
  std::uint32_t tx_frames = 0;
  PointSet points;  ///< enabled
};

/// In the network namespace of the interface. May wait two seconds for a neighbour.
[[nodiscard]] Result<AfXdpParts> open_af_xdp(const TransportOptions& options);

}  // namespace netobs
