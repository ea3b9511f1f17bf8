#pragma once
// Opening a UDP socket the way a measuring transport needs it, whichever calls it is used with.

#include <string>

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"
#include "linux/os/socket.hpp"
#include "linux/transport/control_message.hpp"
#include "linux/transport/udp_transport.hpp"

namespace netobs {

/// A bound, perhaps connected, configured socket and what set-up found out about it.
struct UdpSocket {
  os::Fd fd;
  int family = 0;
  bool connected = false;
  Endpoint local;                     ///< as bound
  Endpoint remote;                    ///< only when connected
  PointSet points;                    ///< enabled
  bool tells_nothing_beside = false;  ///< connected, and no control message was asked for
  TxIdSource tx_id_source = TxIdSource::payload;
  std::size_t control_bytes = full_rx_control_bytes;

  [[nodiscard]] bool has_tx_points() const {
    return points.has(Point::tx_sched) || points.has(Point::tx_software) ||
           points.has(Point::tx_hardware);
  }
  /// SOF_TIMESTAMPING_TX_* of a datagram whose hardware timestamp is wanted. The socket itself does
  /// not ask for one of every datagram: NICs have room for few.
  [[nodiscard]] std::uint32_t hardware_stamp_flags() const;
  [[nodiscard]] bool carries_id_beside() const {
    return has_tx_points() && tx_id_source == TxIdSource::kernel;
  }
  /// SO_MEMINFO's drop counter: datagrams the receive buffer had no room for.
  [[nodiscard]] std::uint64_t receive_overflow() const;
  /// The address a datagram was sent to, when the control messages do not tell.
  [[nodiscard]] Endpoint local_address() const;
};

/// The points that exist for any UDP socket; the NIC decides about the hardware ones.
[[nodiscard]] PointSet udp_points();

[[nodiscard]] Result<UdpSocket> open_udp_socket(const TransportOptions& options);

/// Errors the kernel may report on a send although they belong to an earlier datagram (ICMP): the
/// send itself did not happen and is worth one more try.
[[nodiscard]] bool may_be_pending_error(int sys_errno);

}  // namespace netobs
