#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <vector>

#include "core/session/transport.hpp"
#include "linux/transport/control_message.hpp"
#include "linux/transport/udp_socket.hpp"

namespace netobs {

/// The slots of a transport and the message headers that send them. Every send is non-blocking, so
/// the kernel has taken or refused a datagram when the call returns, and all slots are free again.
class TxBatch {
 public:
  TxBatch(const TransportOptions& options, const UdpSocket& socket);

  /// The first min(want, limit, all) slots, empty.
  [[nodiscard]] std::span<TxSlot* const> acquire(std::size_t want, std::size_t limit);
  /// Fills the headers of the first `count` slots of the last acquire(); ends that acquire().
  [[nodiscard]] std::span<mmsghdr> prepare(std::size_t count, const UdpSocket& socket);

  [[nodiscard]] const TxSlot& slot(std::size_t index) const { return slots_[index]; }
  [[nodiscard]] std::size_t size() const { return slots_.size(); }

 private:
  void prepare_one(std::size_t index, const UdpSocket& socket);

  std::vector<std::byte> storage_;
  std::vector<TxSlot> slots_;
  std::vector<TxSlot*> pointers_;
  std::vector<mmsghdr> headers_;
  std::vector<iovec> pieces_;
  std::vector<os::SocketAddress> peers_;
  std::vector<TxControl> controls_;
  std::size_t acquired_ = 0;
};

}  // namespace netobs
