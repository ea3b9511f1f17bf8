#pragma once
// What must hold in every record. A violation is data: it is returned, counted and shown.

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "core/layer/record.hpp"
#include "core/stats/path.hpp"

namespace netobs::stats {

/// A later point of the way carries an earlier time.
struct CausalViolation {
  std::size_t from = 0;    ///< slot that comes first on the way
  std::size_t to = 0;      ///< slot that must not be earlier
  std::int64_t by_ns = 0;  ///< how much earlier it is, > 0
  friend bool operator==(const CausalViolation&, const CausalViolation&) = default;
};

class CausalViolations {
 public:
  void add(const CausalViolation& violation) { all_[count_++] = violation; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::span<const CausalViolation> all() const {
    return std::span(all_).first(count_);
  }

 private:
  std::array<CausalViolation, slot_count> all_{};
  std::size_t count_ = 0;
};

/// Compares each captured point with the captured point before it on the same clock. Clocks: each
/// host's CLOCK_REALTIME (one for both with same_clock) and each host's NIC, for its hardware
/// points.
[[nodiscard]] CausalViolations check_causal_order(const ProbeRecord& record,
                                                  const ClockRelation& clocks);

/// From the first to the last point of the chain (the application's round trip, where the
/// application was seen), less the sum of all segments: 0 when the record holds together. nullopt
/// when it cannot be told, because a timestamp of the chain is missing.
[[nodiscard]] std::optional<std::int64_t> identity_error_ns(const ProbeRecord& record,
                                                            const Path& path);

/// What a capture says of a packet's arrival is the kernel's own receive timestamp
/// (net/packet/af_packet.c, tpacket_get_timestamp), so on one host the two are equal to the
/// nanosecond. nullopt: one of them is missing.
[[nodiscard]] std::optional<bool> capture_agrees(const ProbeRecord& record, Host host);

}  // namespace netobs::stats
