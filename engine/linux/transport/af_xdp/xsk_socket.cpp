#include "linux/transport/af_xdp/xsk_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "core/base/check.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/socket.hpp"

#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

namespace netobs::xsk {
namespace {

constexpr Duration longest_rebind = std::chrono::seconds(1);
constexpr int send_buffer_bytes = 8 << 20;
constexpr int busy_poll_budget = 64;

Result<void> set_xdp_option(int fd, int option, const void* value, std::size_t bytes,
                            const char* name) {
  if (::setsockopt(fd, SOL_XDP, option, value, static_cast<socklen_t>(bytes)) == 0) return {};
  return fail({.what = fmt::format("set {} of an AF_XDP socket", name),
               .sys_errno = errno,
               .cause = "",
               .remedy = ""});
}

Result<os::Fd> open_socket() {
  os::Fd fd(::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (fd) return fd;
  Error error{.what = "open an AF_XDP socket", .sys_errno = errno, .cause = "", .remedy = ""};
  if (errno == EPERM || errno == EACCES) {
    error.cause = "It needs CAP_NET_RAW.";
    error.remedy = "Run with sudo, or give the process (the container) CAP_NET_RAW.";
  } else if (errno == EAFNOSUPPORT) {
    error.cause = "This kernel is built without AF_XDP (CONFIG_XDP_SOCKETS).";
    error.remedy = "Use --transport syscall or io_uring.";
  }
  return fail(std::move(error));
}

Result<void> register_umem(int fd, const os::Mapping& umem, bool tx_metadata) {
  UmemRegistration registration;
  registration.address = reinterpret_cast<std::uintptr_t>(umem.data());
  registration.bytes = umem.size_bytes();
  registration.chunk_bytes = frame_bytes;
  if (tx_metadata) {
    registration.tx_metadata_bytes = sizeof(TxMetadata);
    registration.flags = umem_tx_metadata_flag;
  }
  if (::setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &registration, sizeof registration) == 0) return {};
  if (tx_metadata && errno == EINVAL) {
    registration.flags = 0;
    if (::setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &registration, sizeof registration) == 0) return {};
  }
  Error error{.what = fmt::format("register {} KiB of frames for AF_XDP", umem.size_bytes() / 1024),
              .sys_errno = errno,
              .cause = "",
              .remedy = ""};
  if (errno == ENOBUFS) {
    error.cause = "The memory that the process may lock is used up.";
    error.remedy = "Raise `ulimit -l`, or give the process CAP_IPC_LOCK.";
  }
  return fail(std::move(error));
}

/// The kernel tells late which entries it has taken: a frame can come back while its old entry
/// still counts as waiting.
std::uint32_t fill_entries(const SocketOptions& options) {
  return 2 * options.rx_frames;
}

Result<void> size_rings(int fd, const SocketOptions& options) {
  struct Ring {
    int option;
    std::uint32_t entries;
    const char* name;
  };
  const std::array rings{
      Ring{XDP_UMEM_FILL_RING, fill_entries(options), "the fill ring"},
      Ring{XDP_UMEM_COMPLETION_RING, options.tx_frames, "the completion ring"},
      Ring{XDP_RX_RING, options.rx_frames, "the RX ring"},
      Ring{XDP_TX_RING, options.tx_frames, "the TX ring"},
  };
  for (const auto& ring : rings) {
    NETOBS_TRY_VOID(set_xdp_option(fd, ring.option, &ring.entries, sizeof ring.entries, ring.name));
  }
  return {};
}

Result<RingMemory> map_ring(int fd, std::uint64_t page_offset, const xdp_ring_offset& at,
                            std::uint32_t entries, std::size_t entry_bytes) {
  NETOBS_TRY(mapping, os::Mapping::shared(fd, page_offset, at.desc + entries * entry_bytes, true,
                                          "an AF_XDP ring", true));
  RingMemory memory;
  memory.mapping = std::move(mapping);
  std::byte* start = memory.mapping.data();
  memory.producer = reinterpret_cast<std::uint32_t*>(start + at.producer);
  memory.consumer = reinterpret_cast<std::uint32_t*>(start + at.consumer);
  memory.flags = reinterpret_cast<std::uint32_t*>(start + at.flags);
  memory.entries = start + at.desc;
  memory.size = entries;
  return memory;
}

Error bind_error(const SocketOptions& options, int saved_errno) {
  Error error{.what = fmt::format("bind AF_XDP to queue {} in {} mode", options.queue,
                                  options.zero_copy ? "zero-copy" : "copy"),
              .sys_errno = saved_errno,
              .cause = "",
              .remedy = ""};
  if (saved_errno == EBUSY) {
    error.cause = "Another AF_XDP socket holds that queue.";
    error.remedy = "End the program that uses it.";
  } else if (saved_errno == EOPNOTSUPP || saved_errno == EINVAL) {
    error.cause = options.zero_copy ? "The driver has no zero-copy AF_XDP for this queue."
                                    : "The interface has no such queue, or does not take AF_XDP.";
  } else if (saved_errno == ENETDOWN) {
    error.cause = "The interface is down.";
    error.remedy = "`ip link set DEVICE up`.";
  }
  return error;
}

/// A socket that was closed lets go of its queue a little later (xdp_umem_release_deferred).
Result<void> bind_queue(int fd, const SocketOptions& options) {
  sockaddr_xdp address{};
  address.sxdp_family = AF_XDP;
  address.sxdp_flags = static_cast<std::uint16_t>(XDP_USE_NEED_WAKEUP |
                                                  (options.zero_copy ? XDP_ZEROCOPY : XDP_COPY));
  address.sxdp_ifindex = static_cast<std::uint32_t>(options.ifindex);
  address.sxdp_queue_id = options.queue;
  const MonotonicTime limit = os::monotonic_now() + longest_rebind;
  while (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno != EBUSY || os::monotonic_now() > limit) return fail(bind_error(options, errno));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return {};
}

/// Linux 5.11. Without it polling still works, by interrupts.
void prefer_busy_poll(int fd, int busy_poll_us) {
  if (busy_poll_us <= 0) return;
  (void)os::set_option(fd, SOL_SOCKET, SO_PREFER_BUSY_POLL, 1, "SO_PREFER_BUSY_POLL");
  (void)os::set_option(fd, SOL_SOCKET, SO_BUSY_POLL, busy_poll_us, "SO_BUSY_POLL");
  (void)os::set_option(fd, SOL_SOCKET, SO_BUSY_POLL_BUDGET, busy_poll_budget,
                       "SO_BUSY_POLL_BUDGET");
}

/// In copy mode every frame becomes an skb charged to the socket.
void size_send_buffer(int fd) {
  if (os::set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, send_buffer_bytes, "SO_SNDBUFFORCE")) return;
  (void)os::set_option(fd, SOL_SOCKET, SO_SNDBUF, send_buffer_bytes, "SO_SNDBUF");
}

}  // namespace

Result<Socket> Socket::open(const SocketOptions& options) {
  Socket socket;
  socket.rx_frames_ = options.rx_frames;
  socket.tx_frames_ = options.tx_frames;
  socket.tx_metadata_ = options.tx_metadata;
  const std::size_t bytes = (std::size_t{options.rx_frames} + options.tx_frames) * frame_bytes;
  NETOBS_TRY(umem, os::Mapping::anonymous(bytes, "frames for AF_XDP"));
  socket.umem_ = std::move(umem);
  NETOBS_TRY(opened, open_socket());
  socket.fd_ = std::move(opened);
  const int fd = socket.fd_.get();
  NETOBS_TRY_VOID(register_umem(fd, socket.umem_, options.tx_metadata));
  NETOBS_TRY_VOID(size_rings(fd, options));
  xdp_mmap_offsets offsets{};
  socklen_t size = sizeof offsets;
  // Kernels before 5.4 give a shorter answer, without the flags that need-wakeup stands in.
  if (::getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) != 0 || size != sizeof offsets) {
    return fail({.what = "ask where the AF_XDP rings are",
                 .sys_errno = errno,
                 .cause = "It needs Linux 5.4.",
                 .remedy = "Use --transport syscall or io_uring."});
  }
  NETOBS_TRY(fill, map_ring(fd, XDP_UMEM_PGOFF_FILL_RING, offsets.fr, fill_entries(options),
                            sizeof(std::uint64_t)));
  socket.fill_ = ProducerRing<std::uint64_t>(std::move(fill));
  NETOBS_TRY(completion, map_ring(fd, XDP_UMEM_PGOFF_COMPLETION_RING, offsets.cr, options.tx_frames,
                                  sizeof(std::uint64_t)));
  socket.completion_ = ConsumerRing<std::uint64_t>(std::move(completion));
  NETOBS_TRY(rx, map_ring(fd, XDP_PGOFF_RX_RING, offsets.rx, options.rx_frames, sizeof(xdp_desc)));
  socket.rx_ = ConsumerRing<xdp_desc>(std::move(rx));
  NETOBS_TRY(tx, map_ring(fd, XDP_PGOFF_TX_RING, offsets.tx, options.tx_frames, sizeof(xdp_desc)));
  socket.tx_ = ProducerRing<xdp_desc>(std::move(tx));
  // Before the bind: some drivers fill their queue from the ring right then.
  for (std::uint64_t i = 0; i < options.rx_frames; ++i) socket.give_back(i * frame_bytes);
  socket.publish_free_frames();
  size_send_buffer(fd);
  NETOBS_TRY_VOID(bind_queue(fd, options));
  prefer_busy_poll(fd, options.busy_poll_us);
  socket.zero_copy_ = options.zero_copy;
  return socket;
}

void Socket::give_back(std::uint64_t address) {
  NETOBS_CHECK(fill_.room() > 0, "frame at {}", address);
  fill_.put(address / frame_bytes * frame_bytes);
}

void Socket::kick_receive() {
  (void)::recvfrom(fd_.get(), nullptr, 0, MSG_DONTWAIT, nullptr, nullptr);
}

std::span<std::byte> Socket::send_frame(std::uint32_t index) {
  NETOBS_CHECK(index < tx_frames_, "frame {} of {}", index, tx_frames_);
  return {umem_.data() + (std::size_t{rx_frames_} + index) * frame_bytes, frame_bytes};
}

void Socket::queue_send(std::uint32_t index, std::size_t offset, std::size_t bytes) {
  NETOBS_CHECK(offset + bytes <= frame_bytes, "{} bytes at {}", bytes, offset);
  xdp_desc descriptor{};
  descriptor.addr = (std::uint64_t{rx_frames_} + index) * frame_bytes + offset;
  descriptor.len = static_cast<std::uint32_t>(bytes);
  descriptor.options = tx_metadata_ ? descriptor_has_metadata : 0;
  tx_.put(descriptor);
}

int Socket::kick_send() {
  return ::sendto(fd_.get(), nullptr, 0, MSG_DONTWAIT, nullptr, 0) < 0 ? errno : 0;
}

SocketStatistics Socket::statistics() const {
  xdp_statistics values{};
  socklen_t size = sizeof values;
  if (::getsockopt(fd_.get(), SOL_XDP, XDP_STATISTICS, &values, &size) != 0) return {};
  return {.rx_no_room = values.rx_ring_full + values.rx_fill_ring_empty_descs,
          .rx_invalid = values.rx_dropped + values.rx_invalid_descs,
          .tx_invalid = values.tx_invalid_descs};
}

}  // namespace netobs::xsk
