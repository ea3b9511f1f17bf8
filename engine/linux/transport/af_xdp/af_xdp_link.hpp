#pragma once
// Everything of an interface that an AF_XDP transport holds: the steering program, attached, and a
// socket per receive queue.

#include <memory>
#include <string>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "linux/bpf/xdp_link.hpp"
#include "linux/bpf/xdp_steering.hpp"
#include "linux/transport/af_xdp/xsk_socket.hpp"
#include "linux/transport/udp_transport.hpp"

namespace netobs {

struct AfXdpLinkOptions {
  linux_bpf::SteeringOptions steering;
  std::string interface;  ///< that carries the frames
  AfXdpOptions af_xdp;
  int busy_poll_us = 0;
  std::uint32_t rx_frames = 1024;  ///< of all queues together, at least
  std::uint32_t tx_frames = 512;
  bool tx_hardware = false;  ///< TX timestamps by metadata, where the driver has them
};

/// Detached and closed when it goes, in that order: what is on its way then passes to the stack.
struct AfXdpLink {
  std::vector<xsk::Socket> sockets;  ///< by queue; the first sends
  std::unique_ptr<linux_bpf::Steering> steering;
  linux_bpf::XdpAttachment attachment;
  linux_bpf::XdpMode mode = linux_bpf::XdpMode::native;
  std::string refused;  ///< why no better mode was had; empty = nothing was refused
  /// Why the NIC's times of what is received, and sent, are not had although they were asked for.
  std::string no_rx_hardware;
  std::string no_tx_hardware;

  /// Tries the modes in order of speed, or only the one that was asked for. In the network
  /// namespace of the interface.
  [[nodiscard]] static Result<AfXdpLink> open(const AfXdpLinkOptions& options);
  /// "zero-copy", "copy, native XDP", "copy, SKB mode".
  [[nodiscard]] std::string mode_text() const;
};

}  // namespace netobs
