#pragma once
// Variation of delay between probes. Every measure here is a difference of delays, so the two
// hosts' clocks need not agree: a constant offset cancels.

#include <cstdint>
#include <optional>

#include "core/stats/wide.hpp"

namespace netobs::stats {

/// Interarrival jitter, RFC 3550 6.4.1: J += (|D| - J) / 16, D = the change of delay from one probe
/// received to the next. In nanoseconds. It depends on the order of the probes; here that is the
/// order of their sequence numbers, so that a rerun over stored rows gives the same number.
class InterarrivalJitter {
 public:
  void add(std::int64_t delay_ns) {
    if (previous_ns_) {
      const auto change =
          static_cast<double>(magnitude(saturating_difference(delay_ns, *previous_ns_)));
      jitter_ns_ += (change - jitter_ns_) / 16;
      has_value_ = true;
    }
    previous_ns_ = delay_ns;
  }

  /// The next delay is not comparable with the last one: the clock stepped.
  void restart() { previous_ns_.reset(); }

  /// nullopt before the second probe.
  [[nodiscard]] std::optional<double> ns() const {
    if (!has_value_) return std::nullopt;
    return jitter_ns_;
  }

 private:
  std::optional<std::int64_t> previous_ns_;
  double jitter_ns_ = 0;
  bool has_value_ = false;
};

/// IP packet delay variation, RFC 3393 with the selection function "consecutive sequence numbers":
/// delay(i) - delay(i - 1), signed. A lost probe breaks the chain; nothing is made up across a gap.
class ConsecutiveVariation {
 public:
  /// The variation against the previous probe, nullopt when that was not number sequence - 1.
  [[nodiscard]] std::optional<std::int64_t> add(std::uint64_t sequence, std::int64_t delay_ns) {
    const bool consecutive = has_previous_ && sequence == previous_sequence_ + 1;
    const std::int64_t before_ns = previous_ns_;
    has_previous_ = true;
    previous_sequence_ = sequence;
    previous_ns_ = delay_ns;
    if (!consecutive) return std::nullopt;
    return saturating_difference(delay_ns, before_ns);
  }

  /// The next delay is not comparable with the last one: the clock stepped.
  void restart() { has_previous_ = false; }

 private:
  bool has_previous_ = false;
  std::uint64_t previous_sequence_ = 0;
  std::int64_t previous_ns_ = 0;
};

// PDV, RFC 5481 4.2 (delay minus the smallest delay of the run), needs no state of its own: it is
// the distribution of the delay, moved so that its minimum is 0.

}  // namespace netobs::stats
