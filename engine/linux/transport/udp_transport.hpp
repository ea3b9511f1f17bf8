#pragma once
// The UDP transports over real sockets, and the table they are chosen from.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "core/layer/point.hpp"
#include "core/session/transport.hpp"

namespace netobs {

/// Kernel features a transport may use where it finds them. False = behave as on a kernel without.
struct TransportFeatures {
  bool scm_ts_opt_id = true;       ///< SCM_TS_OPT_ID, Linux 6.13: our own id on each datagram
  bool uring_tx_timestamp = true;  ///< SOCKET_URING_OP_TX_TIMESTAMP, Linux 6.17
  bool multishot = true;           ///< multishot recvmsg, Linux 6.0
  bool defer_taskrun = true;       ///< IORING_SETUP_DEFER_TASKRUN, Linux 6.1
  bool send_batching = true;       ///< one system call for a whole submit()
};

/// How AF_XDP gets at the packets. automatic: the first of the others that works, in this order.
enum class AfXdpMode : std::uint8_t {
  automatic,
  zero_copy,  ///< the driver reads and writes our frames
  copy,       ///< an XDP program in the driver, the kernel copies
  skb,        ///< an XDP program behind the driver: works on every interface
};

struct AfXdpOptions {
  AfXdpMode mode = AfXdpMode::automatic;
  /// Takes the place of another XDP program on the interface, and gives it back at the end.
  bool replace_program = false;
  bool tai_clock = true;  ///< bpf_ktime_get_tai_ns (Linux 6.1); else CLOCK_MONOTONIC, converted
};

struct TransportOptions {
  Endpoint local;                  ///< all zero = any address of both IP versions, any port
  std::optional<Endpoint> remote;  ///< connected to it when given
  std::string interface;           ///< SO_BINDTODEVICE; empty = any
  PointSet points;                 ///< wanted; those that are not a transport's to take are ignored
  std::size_t tx_slots = 256;      ///< 1 to 4096
  std::size_t rx_buffers = 512;    ///< 1 to 32768; io_uring rounds up to a power of two
  std::size_t max_datagram_bytes = 2048;  ///< UDP payload, sent and received; 64 to 9216
  std::uint8_t dscp = 0;                  ///< 0 to 63
  int busy_poll_us = 0;                   ///< SO_BUSY_POLL; 0 = leave it
  bool dont_fragment = true;
  bool receive_ttl = true;  ///< false: RxDatagram::ttl stays 0, and receiving is cheaper
  std::uint32_t receive_buffer_bytes = 4U
                                       << 20U;  ///< the error queue lives in it too; 0 = leave it
  std::size_t control_bytes = 0;  ///< for control messages of a received datagram; 0 = enough
  TransportFeatures features;
  AfXdpOptions af_xdp;
};

/// A transport of this host.
///
/// Beyond what Transport promises: what poll() returned stays valid until the next poll(), so slots
/// may be acquired and submitted while its datagrams are being read. Over a socket a slot is free
/// again as soon as submit() returns: the kernel has its own copy by then.
///
/// With a TX point enabled and ids_are_free() false, a datagram must begin with its timestamp_id,
/// big-endian (the sequence number of a STAMP packet): the kernel cannot carry the id beside the
/// datagram, so it is read back from there. submit() checks it. ICMP errors always name a datagram
/// by its first four octets.
class LinuxTransport : public Transport {
 public:
  /// For attaching a socket filter; one that sees nothing where packets bypass the socket. Owned by
  /// the transport.
  [[nodiscard]] virtual int socket_fd() const = 0;
  /// Any timestamp_id goes, whatever the datagram begins with (SCM_TS_OPT_ID, Linux 6.13).
  [[nodiscard]] virtual bool ids_are_free() const = 0;
  /// Why a point that was asked for is not enabled; nullopt: it is, or nothing more is known.
  [[nodiscard]] virtual std::optional<Error> refused(Point point) const {
    (void)point;
    return std::nullopt;
  }
};

struct TransportKind {
  std::string_view name;
  std::string_view help;
  PointSet points_on_path;
  Result<std::unique_ptr<LinuxTransport>> (*make)(const TransportOptions&);
};

/// The table of transports, in order of preference for "auto".
[[nodiscard]] std::span<const TransportKind> transport_table();

/// `name`: one of the table, or "auto" for the first of it, which measured best and works
/// everywhere. May be called on another thread than the one that uses the transport. Errors:
/// unknown name, option out of range, address in use or not available, unknown interface, io_uring
/// forbidden.
[[nodiscard]] Result<std::unique_ptr<LinuxTransport>> make_transport(
    std::string_view name, const TransportOptions& options);

}  // namespace netobs
