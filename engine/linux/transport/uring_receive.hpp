#pragma once

#include <cstdint>
#include <memory>

#include "linux/transport/event_store.hpp"
#include "linux/transport/rx_batch.hpp"
#include "linux/transport/udp_socket.hpp"
#include "linux/transport/uring.hpp"

namespace netobs {

/// What a completion belongs to: the top octet of its user_data.
enum class UringTag : std::uint8_t {
  ignored,
  send,        ///< first try; slot index in bits 32..47, timestamp id in the low 32
  send_again,  ///< last try; the same
  receive,     ///< a receive that does not wait; index of its header in the low 32
  multishot,
  readable,  ///< poll for POLLIN
  tx_timestamp,
  error_queue,  ///< poll for POLLERR
};
inline constexpr unsigned uring_tag_shift = 56;
[[nodiscard]] constexpr std::uint64_t uring_tag(UringTag tag, std::uint64_t rest = 0) {
  return static_cast<std::uint64_t>(tag) << uring_tag_shift | rest;
}

/// Receives that complete at once, with a datagram or with EAGAIN: several per system call when
/// datagrams come in a stream, one when they do not.
class SpinReceive {
 public:
  SpinReceive(std::size_t count, std::size_t data_bytes, const UdpSocket& socket);

  /// Queues a round of receives; none while an earlier round is unfinished.
  void queue(Uring& ring);
  /// Takes one completion in. True when it held a datagram.
  bool complete(const io_uring_cqe& completion, const UdpSocket& socket, EventStore& events);
  /// To be called when a round's completions have been read: how large the next one is.
  void adapt(bool waited);

  [[nodiscard]] bool in_flight() const { return in_flight_ != 0; }
  [[nodiscard]] std::uint64_t control_truncated_count() const { return control_truncated_count_; }

 private:
  RxBatch batch_;
  bool bare_;
  std::size_t round_ = 1;
  std::size_t in_flight_ = 0;
  std::size_t received_ = 0;
  std::uint64_t control_truncated_count_ = 0;
};

/// One armed receive that keeps delivering into provided buffers.
class MultishotReceive {
 public:
  MultishotReceive(std::unique_ptr<BufferRing> buffers, const UdpSocket& socket);

  void arm(Uring& ring);
  void complete(const io_uring_cqe& completion, const UdpSocket& socket, EventStore& events);
  void give_back(EventStore& events);

  [[nodiscard]] bool armed() const { return armed_; }
  /// Has been armed before: a spin then keeps it armed.
  [[nodiscard]] bool used() const { return used_; }
  [[nodiscard]] std::uint64_t control_truncated_count() const { return control_truncated_count_; }

  /// Bytes a provided buffer needs around a datagram.
  [[nodiscard]] static std::size_t overhead_bytes(const UdpSocket& socket);

 private:
  std::unique_ptr<BufferRing> buffers_;
  msghdr header_{};  ///< only its name and control lengths count
  bool armed_ = false;
  bool used_ = false;
  std::uint64_t control_truncated_count_ = 0;
};

}  // namespace netobs
