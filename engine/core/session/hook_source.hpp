#pragma once
// Timestamps taken outside the socket (BPF hooks): what the core needs to know of them.

#include <cstdint>
#include <span>
#include <string>

#include "core/base/endpoint.hpp"
#include "core/layer/point.hpp"

namespace netobs {

/// One timestamp of one packet, keyed by what stands in the packet.
struct HookEvent {
  std::int64_t ns = 0;                ///< CLOCK_REALTIME, converted at the source
  Endpoint peer;                      ///< the other end: source on receive, destination on transmit
  std::uint32_t sequence = 0;         ///< octets 0..3 of the STAMP packet
  std::uint32_t sender_sequence = 0;  ///< octets 24..27 of a reply (48..51 authenticated); else 0
  std::uint16_t ssid = 0;             ///< octets 14..15 (26..27 authenticated)
  Point point = Point::tc_egress;
};

/// A bounded buffer of hook events; polled by the hot thread, never blocks.
class HookSource {
 public:
  virtual ~HookSource() = default;
  HookSource(const HookSource&) = delete;
  HookSource& operator=(const HookSource&) = delete;

  /// Up to a bounded batch of what has been recorded; valid until the next call.
  [[nodiscard]] virtual std::span<const HookEvent> poll() = 0;
  /// Cumulative count of events that found the buffer full.
  [[nodiscard]] virtual std::uint64_t dropped(Point point) const = 0;
  /// The same of all points together, each loss once; may lag by a few milliseconds. Costs no
  /// system call, for who asks after every poll().
  [[nodiscard]] virtual std::uint64_t losses() const = 0;
  [[nodiscard]] virtual PointSet points_enabled() const = 0;
  /// "tc by TCX links on va0; tracepoints net_dev_start_xmit, ...": for the report's environment.
  [[nodiscard]] virtual std::string description() const = 0;

 protected:
  HookSource() = default;
};

}  // namespace netobs
