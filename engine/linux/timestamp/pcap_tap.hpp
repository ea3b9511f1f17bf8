#pragma once
// What a packet capture sees on an interface, with the kernel's own times: the tap that tcpdump and
// the like use (AF_PACKET by libpcap).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/capture/probe_frame.hpp"

namespace netobs {

/// A probe or reply in a capture. On receive the time is the one that SO_TIMESTAMPING calls
/// rx_software; on transmit it lies after tc egress and the qdisc, before the driver
/// (net/core/dev.c, dev_queue_xmit_nit).
struct CapturedProbe {
  std::int64_t ns = 0;  ///< CLOCK_REALTIME
  capture::ProbeFrame probe;
};

class PcapTap {
 public:
  /// Starts capturing on an interface of the calling thread's namespace: UDP from or to this port.
  /// Needs CAP_NET_RAW. The buffer holds about 40,000 probes between two calls of take().
  [[nodiscard]] static Result<PcapTap> open(const std::string& interface,
                                            std::uint16_t reflector_port);
  ~PcapTap();
  PcapTap(PcapTap&&) noexcept;
  PcapTap& operator=(PcapTap&&) noexcept;
  PcapTap(const PcapTap&) = delete;
  PcapTap& operator=(const PcapTap&) = delete;

  /// What has been captured since the last call; does not wait.
  [[nodiscard]] std::vector<CapturedProbe> take();
  /// Packets that found the buffer full. Cumulative.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  struct Handle;
  explicit PcapTap(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace netobs
