#pragma once

#include <cstdint>

#include "linux/transport/event_store.hpp"
#include "linux/transport/rx_batch.hpp"
#include "linux/transport/udp_socket.hpp"

namespace netobs {

/// Reads a socket's error queue: transmit timestamps and ICMP errors.
class ErrorQueue {
 public:
  explicit ErrorQueue(const UdpSocket& socket);

  /// Takes what is there, up to a bounded number; never waits. True when anything was.
  bool drain(const UdpSocket& socket, EventStore& events);

  [[nodiscard]] std::uint64_t malformed_count() const { return malformed_count_; }
  [[nodiscard]] std::uint64_t control_truncated_count() const { return control_truncated_count_; }

 private:
  void take(std::size_t index, std::size_t bytes, const UdpSocket& socket, EventStore& events);

  RxBatch batch_;
  std::uint64_t malformed_count_ = 0;
  std::uint64_t control_truncated_count_ = 0;
};

}  // namespace netobs
