#pragma once
// What a packet capture sees on an interface, with the kernel's own times: the tap that tcpdump and
// the like use (AF_PACKET by libpcap).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/base/result.hpp"
#include "linux/capture/capture_reader.hpp"

namespace netobs {

struct LiveTapOptions {
  std::string interface;                              ///< of the calling thread's network namespace
  std::string filter;                                 ///< in libpcap's language; empty = everything
  std::uint32_t snap_bytes = 128;                     ///< of each packet
  std::size_t buffer_bytes = std::size_t{16} << 20U;  ///< in the kernel
  bool tagged_too = false;  ///< what the filter passes also behind a VLAN tag, where links have any
};

/// The filter as libpcap gets it for such a link: it refuses "vlan" where frames have no tags, as
/// on a tun interface.
[[nodiscard]] std::string filter_of(const LiveTapOptions& options, capture::LinkType link);

/// On receive the time is the one that SO_TIMESTAMPING calls rx_software; on transmit it lies after
/// tc egress and the qdisc, before the driver (net/core/dev.c, dev_queue_xmit_nit). On a loopback
/// interface a packet is shown once, as it arrives (libpcap leaves out the other time).
///
/// One thread at a time, of any network namespace once it is open.
class LiveTap {
 public:
  /// Host clock, nanoseconds, immediate mode. Needs CAP_NET_RAW. Errors: no such interface, no
  /// privilege, a filter that does not compile, frames of a kind that is not known here.
  [[nodiscard]] static Result<LiveTap> open(const LiveTapOptions& options);
  ~LiveTap();
  LiveTap(LiveTap&&) noexcept;
  LiveTap& operator=(LiveTap&&) noexcept;
  LiveTap(const LiveTap&) = delete;
  LiveTap& operator=(const LiveTap&) = delete;

  /// The next packet that waits, until the next call; nullopt: none does. A system call when none
  /// does.
  [[nodiscard]] std::optional<CapturedPacket> next();
  /// Packets that found the buffer full. Cumulative; a system call.
  [[nodiscard]] std::uint64_t dropped() const;
  [[nodiscard]] capture::LinkType link() const;

 private:
  struct Handle;
  explicit LiveTap(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace netobs
