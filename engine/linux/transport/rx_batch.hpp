#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/session/transport.hpp"
#include "linux/transport/udp_socket.hpp"

namespace netobs {

/// Message headers with a name, a control and a data buffer each, for receiving into.
class RxBatch {
 public:
  RxBatch(std::size_t count, std::size_t data_bytes, const UdpSocket& socket);
  /// The same with another size of control buffer.
  RxBatch(std::size_t count, std::size_t data_bytes, std::size_t control_bytes,
          const UdpSocket& socket);

  /// The first `count` headers, ready to receive into.
  [[nodiscard]] std::span<mmsghdr> prepare(std::size_t count);
  /// What header `index` holds after a receive of `bytes`; points into this batch.
  [[nodiscard]] RxDatagram datagram(std::size_t index, std::size_t bytes, const UdpSocket& socket,
                                    std::int64_t app_rx_ns) const;
  [[nodiscard]] bool control_truncated(std::size_t index) const;

  /// A datagram that was received into header `index`'s data with nothing beside it; `bytes` is its
  /// true length (MSG_TRUNC).
  [[nodiscard]] RxDatagram bare_datagram(std::size_t index, std::size_t bytes,
                                         const UdpSocket& socket, std::int64_t app_rx_ns) const;

  [[nodiscard]] std::span<const std::byte> control(std::size_t index) const;
  [[nodiscard]] std::span<std::byte> room(std::size_t index);
  [[nodiscard]] std::span<const std::byte> data(std::size_t index, std::size_t bytes) const;
  [[nodiscard]] std::size_t size() const { return headers_.size(); }

 private:
  std::size_t data_bytes_;
  std::size_t control_bytes_;
  bool named_;
  std::vector<std::byte> data_;
  std::vector<std::byte> controls_;
  std::vector<sockaddr_storage> names_;
  std::vector<iovec> pieces_;
  std::vector<mmsghdr> headers_;
};

/// Assembles a datagram from the parts that every way of receiving delivers.
[[nodiscard]] RxDatagram make_datagram(std::span<const std::byte> payload,
                                       std::span<const std::byte> name,
                                       std::span<const std::byte> control, unsigned message_flags,
                                       const UdpSocket& socket, std::int64_t app_rx_ns);

}  // namespace netobs
