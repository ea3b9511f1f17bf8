#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "core/base/spsc_ring.hpp"
#include "core/layer/point.hpp"

namespace netobs {

inline constexpr std::uint8_t report_flag_tx_hardware_unasked = 1;
inline constexpr std::uint8_t report_flag_hardware_impossible = 2;
inline constexpr std::uint8_t report_flag_hook_events_lost = 4;

/// One thing the hot thread learned, in a fixed size: what travels from the hot thread to the
/// record thread. Fields that a kind does not name are 0.
struct Observation {
  enum class Kind : std::uint8_t {
    sent,         ///< value = app_tx; second = send error; monotonic = when; slot = 1: no
                  ///< hardware transmit timestamp was asked for
    send_failed,  ///< second = errno
    reply,        ///< value = app_rx; number = reflector sequence; ttl, peer_ttl; monotonic = when
    timestamp,    ///< value = the time; slot = which
    reflector_report,  ///< the reflector's entry for this probe came, its points were sent before;
                       ///< number = the reflector's sequence; second = 1: its clock was set then;
                       ///< value = +- of its hardware times, -1 = they are its NIC's own; slot =
                       ///< report_flag_* together
    drain_reply,       ///< sequence = beyond the probes that count; number = reflector sequence
    clock_good,        ///< monotonic = CLOCK_REALTIME is known not to have stepped up to here
    clock_step,        ///< second = last good CLOCK_MONOTONIC; monotonic = detected; value = size
    reflector_clock_step,  ///< the same of the reflector's clock, by the sender's CLOCK_MONOTONIC
                           ///< when the replies came that tell of it; the size is not known
  };
  std::uint64_t sequence = 0;
  std::int64_t value_ns = 0;
  std::int64_t second = 0;
  std::int64_t monotonic_ns = 0;
  std::uint32_t number = 0;
  Kind kind = Kind::timestamp;
  std::uint8_t slot = 0;
  std::uint8_t ttl = 0;
  std::uint8_t peer_ttl = 0;
};
static_assert(sizeof(Observation) == 40);

/// The hot thread's end of the way to the record thread: never blocks, counts what found no room.
class ObservationQueue {
 public:
  /// capacity: a power of two.
  explicit ObservationQueue(std::size_t capacity) : ring_(capacity) {}

  /// Producer thread.
  void push(const Observation& observation) {
    if (!ring_.push(observation)) lost_.fetch_add(1, std::memory_order_relaxed);
  }
  /// Consumer thread.
  [[nodiscard]] std::size_t pop(std::span<Observation> out) { return ring_.pop(out); }
  /// Any thread: observations that were dropped because the record thread did not keep up.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t size() const { return ring_.size(); }

 private:
  SpscRing<Observation> ring_;
  std::atomic<std::uint64_t> lost_{0};
};

}  // namespace netobs
