#pragma once
// What the measuring core needs from something that carries datagrams. linux/transport implements
// it over real sockets, core/sim over simulated links; the core never knows which.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "core/layer/point.hpp"

namespace netobs {

/// How a wait for something to happen is spent.
enum class WaitMode : std::uint8_t { spin, block, hybrid };

/// One received datagram. `payload` is valid until the next poll().
struct RxDatagram {
  std::span<const std::byte> payload;
  Endpoint peer;
  Endpoint local;              ///< address it was sent to; port 0; unspecified if unknown
  std::int64_t app_rx_ns = 0;  ///< CLOCK_REALTIME, read when the completion was seen
  std::optional<std::int64_t> rx_software_ns;
  std::optional<std::int64_t> rx_hardware_ns;
  std::optional<std::int64_t> xdp_rx_ns{};  ///< by the XDP program that took it past the stack
  std::uint8_t ttl = 0;                     ///< TTL or hop limit as received, 0 = unknown
  bool truncated = false;                   ///< longer than the transport's buffer
  int interface_index = 0;                  ///< of the interface that it came by, 0 = unknown
};

/// A transmit timestamp, found again by the id that was given with the datagram.
struct TxTimestamp {
  std::uint32_t id = 0;
  Point point = Point::tx_software;  ///< tx_sched, tx_software, tx_completion or tx_hardware
  std::int64_t ns = 0;
};

/// A datagram the kernel refused or reported as undeliverable (ICMP). Without an id when the kernel
/// does not say which one it was.
struct SendFailure {
  std::optional<std::uint32_t> id;
  int sys_errno = 0;
  bool undeliverable = false;  ///< it left, and an ICMP error came back for it
};

/// What one poll brought. Valid until the next poll(): slots may be acquired and submitted
/// meanwhile.
struct TransportEvents {
  std::span<const RxDatagram> datagrams;
  std::span<const TxTimestamp> tx_timestamps;
  std::span<const SendFailure> send_failures;
  [[nodiscard]] bool empty() const {
    return datagrams.empty() && tx_timestamps.empty() && send_failures.empty();
  }
};

/// Room for one datagram, owned by the transport. Write `size` bytes at the start of `buffer`.
struct TxSlot {
  std::span<std::byte> buffer;
  std::size_t size = 0;
  std::uint32_t timestamp_id = 0;  ///< comes back in TxTimestamp::id
  bool hardware_stamp = true;      ///< tx_hardware is wanted for this one, where the point is on
  Endpoint peer;                   ///< ignored on a connected transport
  Endpoint local;  ///< source address to send from; unspecified = the kernel chooses
};

/// Counters of what a transport could not keep. Each is cumulative.
struct TransportLosses {
  std::uint64_t control_truncated = 0;  ///< MSG_CTRUNC: a timestamp did not fit the control buffer
  std::uint64_t receive_overflow = 0;  ///< SO_RXQ_OVFL: datagrams the socket buffer had no room for
  std::uint64_t error_queue_malformed = 0;
  std::uint64_t completion_overflow = 0;  ///< io_uring completion queue overflow
  std::uint64_t unreadable = 0;           ///< AF_XDP: frames with a wrong checksum, length or size
  std::uint64_t past_program = 0;         ///< AF_XDP: datagrams for us that came through the stack
  std::uint64_t no_socket = 0;  ///< AF_XDP: datagrams for us on a queue that has no socket
  std::uint64_t unstamped = 0;  ///< AF_XDP: frames with no room for the XDP program's times
};

/// One socket's worth of sending and receiving. All calls from one thread. Calls are per batch.
class Transport {
 public:
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// Up to `want` free slots; fewer, or none, while earlier sends are unfinished. The slots are the
  /// caller's until submit().
  [[nodiscard]] virtual std::span<TxSlot* const> acquire(std::size_t want) = 0;
  /// Sends the first `count` of the slots last acquired, in order; the rest are free again.
  virtual void submit(std::size_t count) = 0;
  /// Everything that has arrived; waits until `until` for the first of it, in the given way.
  /// WaitMode::hybrid is the caller's business: here it means block.
  [[nodiscard]] virtual TransportEvents poll(MonotonicTime until, WaitMode wait) = 0;

  /// The points that a packet passes on this transport's path at all, whoever takes them.
  [[nodiscard]] virtual PointSet points_on_path() const = 0;
  /// Those of them that this kernel and socket will deliver, as far as set-up could tell.
  [[nodiscard]] virtual PointSet points_enabled() const = 0;
  [[nodiscard]] virtual TransportLosses losses() const = 0;
  [[nodiscard]] virtual Endpoint local() const = 0;
  /// "io_uring (multishot receive, TX timestamps by ring)": for the report's environment.
  [[nodiscard]] virtual std::string description() const = 0;

 protected:
  Transport() = default;
};

}  // namespace netobs
