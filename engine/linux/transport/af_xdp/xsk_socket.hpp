#pragma once
// One AF_XDP socket on one queue of an interface, with frame memory (UMEM) of its own. Written on
// the kernel's interface (Documentation/networking/af_xdp.rst, net/xdp/xsk.c), see the decision log
// for why not on libxdp.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"
#include "linux/os/mapping.hpp"
#include "linux/transport/af_xdp/xsk_abi.hpp"
#include "linux/transport/af_xdp/xsk_ring.hpp"

namespace netobs::xsk {

/// Every frame of a UMEM has this size: one page, the most that the aligned mode allows everywhere.
inline constexpr std::size_t frame_bytes = 4096;

struct SocketOptions {
  int ifindex = 0;
  unsigned queue = 0;
  std::uint32_t rx_frames = 1024;  ///< a power of two
  std::uint32_t tx_frames = 512;   ///< a power of two
  bool zero_copy = false;          ///< else copy mode
  /// TxMetadata stands in front of each sent frame. Only where os::xdp_clock_features() has told of
  /// transmit times: that says that the kernel knows of it.
  bool tx_metadata = false;
  int busy_poll_us = 0;  ///< SO_BUSY_POLL with SO_PREFER_BUSY_POLL; 0 = leave it
};

/// What the kernel counted (XDP_STATISTICS). Cumulative.
struct SocketStatistics {
  std::uint64_t rx_no_room = 0;  ///< no free frame, or no place in the RX ring
  std::uint64_t rx_invalid = 0;  ///< longer than a frame, or dropped for another reason
  std::uint64_t tx_invalid = 0;  ///< descriptors of ours that it refused
};

/// A frame that came, in the UMEM until give_back().
struct ReceivedFrame {
  std::uint64_t address = 0;
  std::span<std::byte> bytes;
};

/// Frames 0 to rx_frames - 1 receive, the following tx_frames send. One thread. Not copied: the
/// kernel knows its memory.
class Socket {
 public:
  /// Bound and ready. Tries for up to a second while the queue is still busy with a socket that has
  /// just been closed. Errors: queue busy, mode not supported by the driver, no CAP_NET_RAW, no
  /// room under the locked-memory limit.
  [[nodiscard]] static Result<Socket> open(const SocketOptions& options);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool zero_copy() const { return zero_copy_; }
  [[nodiscard]] bool has_tx_metadata() const { return tx_metadata_; }

  /// Up to `limit` frames that have come, appended by visit(ReceivedFrame).
  template <class Visitor>
  std::size_t receive(std::size_t limit, const Visitor& visit);
  /// The frame is free to receive again. address: as ReceivedFrame gave it.
  void give_back(std::uint64_t address);
  /// After a row of give_back().
  void publish_free_frames() { fill_.publish(); }
  /// The kernel sleeps until it is told of free frames or asked to poll (need-wakeup).
  [[nodiscard]] bool receive_needs_wakeup() const { return fill_.needs_wakeup(); }
  /// Asks the driver to look for packets now; with busy polling, runs its poll loop.
  void kick_receive();

  /// Memory of send frame `index`, 0 to tx_frames - 1.
  [[nodiscard]] std::span<std::byte> send_frame(std::uint32_t index);
  [[nodiscard]] std::uint32_t room_to_send() const { return tx_.room(); }
  /// Queues `bytes` octets of send frame `index` from `offset` on. room_to_send() was at least 1.
  void queue_send(std::uint32_t index, std::size_t offset, std::size_t bytes);
  void publish_sends() { tx_.publish(); }
  [[nodiscard]] std::uint32_t unsent() const { return tx_.pending(); }
  [[nodiscard]] bool send_needs_wakeup() const { return tx_.needs_wakeup(); }
  /// One sendto(2): 0 or errno. EBUSY in copy mode: the frame last taken was dropped.
  [[nodiscard]] int kick_send();
  /// Send frame that the kernel took last.
  [[nodiscard]] std::uint32_t last_taken() const { return send_index(tx_.taken(1).addr); }
  /// Takes the newest unsent frame back; copy mode only.
  [[nodiscard]] std::uint32_t take_back() { return send_index(tx_.take_back().addr); }
  /// Calls visit(index) for each send frame that the driver has given back.
  template <class Visitor>
  void reap_sent(const Visitor& visit);

  [[nodiscard]] SocketStatistics statistics() const;

 private:
  Socket() = default;
  [[nodiscard]] std::uint32_t send_index(std::uint64_t address) const {
    return static_cast<std::uint32_t>(address / frame_bytes) - rx_frames_;
  }

  os::Mapping umem_;
  os::Fd fd_;  // closed before its memory goes
  ProducerRing<std::uint64_t> fill_;
  ConsumerRing<std::uint64_t> completion_;
  ConsumerRing<xdp_desc> rx_;
  ProducerRing<xdp_desc> tx_;
  std::uint32_t rx_frames_ = 0;
  std::uint32_t tx_frames_ = 0;
  bool zero_copy_ = false;
  bool tx_metadata_ = false;
};

template <class Visitor>
std::size_t Socket::receive(std::size_t limit, const Visitor& visit) {
  std::size_t count = 0;
  for (std::uint32_t left = rx_.available(); left > 0 && count < limit; --left, ++count) {
    const xdp_desc descriptor = rx_.take();
    // The kernel writes these; the check costs nothing and keeps a bug of its from being ours.
    if (descriptor.addr >= umem_.size_bytes() ||
        descriptor.len > umem_.size_bytes() - descriptor.addr) {
      continue;
    }
    visit(
        ReceivedFrame{descriptor.addr, std::span(umem_.data() + descriptor.addr, descriptor.len)});
  }
  if (count > 0) rx_.release();
  return count;
}

template <class Visitor>
void Socket::reap_sent(const Visitor& visit) {
  std::uint32_t left = completion_.available();
  if (left == 0) return;
  for (; left > 0; --left) {
    const auto index = send_index(completion_.take());
    if (index < tx_frames_) visit(index);
  }
  completion_.release();
}

}  // namespace netobs::xsk
