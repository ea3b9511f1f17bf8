#pragma once

#include <functional>
#include <memory>
#include <span>

#include "linux/transport/udp_transport.hpp"

namespace netobs {

/// Where somebody else may spend time, or look, inside a transport's work. Each may be empty. All
/// are called on the thread that uses the transport.
struct TransportStops {
  /// In acquire(): what was received has been handed out, what is sent next is not written yet.
  std::function<void()> before_write;
  /// In submit(): the packets are complete, the send call comes next.
  std::function<void(std::span<TxSlot* const>)> before_send;
  /// In poll(): a datagram waits in the socket and has not been received.
  std::function<void()> datagram_waits;
  /// In poll(): these are being handed out.
  std::function<void(std::span<const RxDatagram>)> received;
};

/// A transport that stops at these places in another one's work. With datagram_waits the socket is
/// watched by ppoll(2), whatever the inner transport would do.
[[nodiscard]] std::unique_ptr<LinuxTransport> make_holding_transport(
    std::unique_ptr<LinuxTransport> inner, TransportStops stops);

}  // namespace netobs
