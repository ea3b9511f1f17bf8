#pragma once
// Where every timestamp that was asked for has gone.

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/layer/point.hpp"
#include "core/layer/record.hpp"
#include "core/stats/path.hpp"

namespace netobs::stats {

/// What a run intends with one slot. `captured` = the point is on; else why it is not.
struct SlotPlan {
  Reason reason = Reason::not_requested;
  bool by_name = false;  ///< the user named the layer: then "unsupported" counts as missing
  friend bool operator==(const SlotPlan&, const SlotPlan&) = default;
};
using RunPlan = std::array<SlotPlan, slot_count>;

/// The plan of a run that switches the given points on and asks for nothing else.
[[nodiscard]] RunPlan plan_of(PointSet sender, PointSet reflector);
/// The points of one host that are on.
[[nodiscard]] PointSet active_points(const RunPlan& plan, Host host);

/// One slot's account. Always: captured + sum of missing == requested.
struct SlotLedger {
  Reason plan = Reason::not_requested;  ///< captured = the point was on
  std::uint64_t requested = 0;          ///< probes sent while it was on (or asked for by name), or
                                        ///< of those the ones in the sample
  std::uint64_t captured = 0;
  std::array<std::uint64_t, reason_count> missing{};  ///< by Reason; [captured] stays 0

  /// captured / requested, nullopt when nothing was requested.
  [[nodiscard]] std::optional<double> coverage() const;
  /// The most frequent reason among the missing, nullopt when none is missing.
  [[nodiscard]] std::optional<Reason> main_reason() const;
  friend bool operator==(const SlotLedger&, const SlotLedger&) = default;
};

class PointLedger {
 public:
  PointLedger() = default;
  explicit PointLedger(const RunPlan& plan);

  /// Counts a probe that was sent. Bounded: an increment or two per slot.
  void add(const ProbeRecord& record);

  [[nodiscard]] const SlotLedger& at(std::size_t slot_index) const { return slots_[slot_index]; }
  /// For a ledger rebuilt from a store.
  [[nodiscard]] SlotLedger& at(std::size_t slot_index) { return slots_[slot_index]; }

  /// Equal accounts; a rebuilt ledger no longer knows what was asked for by name.
  friend bool operator==(const PointLedger& a, const PointLedger& b) {
    return a.slots_ == b.slots_;
  }

 private:
  std::array<SlotLedger, slot_count> slots_{};
  std::bitset<slot_count> named_;  // asked for by name, but unsupported
};

/// What became of the probes. sent == received + lost.
struct ProbeCounters {
  std::uint64_t sent = 0;           ///< left the application; send_failed are not among them
  std::uint64_t received = 0;       ///< answered in time
  std::uint64_t lost = 0;           ///< forward + backward + unknown + late
  std::uint64_t lost_forward = 0;   ///< did not reach the reflector
  std::uint64_t lost_backward = 0;  ///< the reflector saw it, its reply did not come
  std::uint64_t lost_unknown = 0;   ///< which way is not known
  std::uint64_t late = 0;           ///< answered after the timeout
  std::uint64_t duplicate = 0;      ///< replies beyond the first
  std::uint64_t reordered = 0;      ///< replies that came after that of a later probe
  std::uint64_t send_failed = 0;    ///< the send call failed
  std::uint64_t clock_stepped = 0;  ///< records left out of the statistics: the clock stepped

  void add(const ProbeRecord& record);
  friend bool operator==(const ProbeCounters&, const ProbeCounters&) = default;
};

}  // namespace netobs::stats
