#pragma once
// From a NIC's clock to CLOCK_REALTIME: what makes a hardware timestamp comparable with the others.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/clock/cross_timestamp.hpp"

namespace netobs {

/// What to add to a time of the NIC's clock to get CLOCK_REALTIME, nanoseconds, right within
/// +- bound_ns.
struct NicOffset {
  std::int64_t ns = 0;
  std::int64_t bound_ns = 0;
  std::uint64_t epoch =
      0;  ///< counts steps: offsets of two epochs have nothing to do with each other
  friend bool operator==(const NicOffset&, const NicOffset&) = default;
};

/// The bound of `used` for a time at which `true_there` is the offset. Both of one epoch.
[[nodiscard]] inline std::int64_t combined_bound_ns(const NicOffset& used,
                                                    const NicOffset& true_there) {
  const auto apart = used.ns < true_there.ns ? true_there.ns - used.ns : used.ns - true_there.ns;
  return std::max(used.bound_ns, true_there.bound_ns + apart);
}

/// How the two clocks run against each other since the last step.
struct NicClockState {
  NicOffset offset;            ///< at the last look
  double drift_ppb = 0;        ///< > 0: the NIC's clock is the slower one, parts per 10^9
  double drift_bound_ppb = 0;  ///< +-; of the looks' widths alone
  std::uint64_t looks = 0;     ///< since the start
  std::uint64_t steps = 0;     ///< since the start: one of the clocks was set
};

/// A piecewise linear map through the latest looks at both clocks. Single thread. Reads no clock.
///
/// Between two looks the offset is interpolated, after the last one it runs on at the rate of the
/// latest looks. The bound is the width of the looks next to it, plus what the rate may be wrong
/// by: max_wander_ppb for the distance to the nearest look, and beyond the last one also the width
/// of the rate itself. A look that the rate cannot explain is a step: nothing is converted across
/// it.
class NicClock {
 public:
  /// One with a width beyond a second, or a time beyond some 70 years of 1970, is ignored. Looks
  /// come in the order of their time; one that is not later on both clocks than the last, and fits
  /// no step, is a step back. Returns by how much CLOCK_REALTIME minus NIC jumped, when it did.
  std::optional<std::int64_t> feed(const CrossTimestamp& look);

  /// The offset at an instant of CLOCK_REALTIME: that of a software timestamp of the same packet,
  /// since what the NIC said of it may be false. nullopt before the first look, between the looks
  /// around a step, and for instants more than an hour off the looks next to them.
  [[nodiscard]] std::optional<NicOffset> offset_at(std::int64_t realtime_ns) const;
  /// nullopt before the first look.
  [[nodiscard]] std::optional<NicClockState> state() const;

  /// Crystal clocks wander by some 10 ppb within a second; a servo moves them by less than this
  /// between two looks unless it has just been started.
  static constexpr double max_wander_ppb = 1'000;
  /// What two clocks may run apart by while only one look says anything: adjtimex(2) and most PHCs
  /// allow no more.
  static constexpr double unknown_rate_ppb = 500'000;

 private:
  static constexpr std::size_t capacity = 128;  ///< 12 s at ten looks per second

  struct Knot {
    CrossTimestamp look;
    std::uint64_t epoch = 0;
    [[nodiscard]] std::int64_t offset_ns() const { return look.realtime_ns - look.nic_ns; }
  };
  struct Rate {
    double ppb = 0;
    double bound_ppb = unknown_rate_ppb;
  };

  /// 0 = the latest look.
  [[nodiscard]] const Knot& at(std::size_t back) const {
    return knots_[(count_ - 1 - back) % capacity];
  }
  [[nodiscard]] std::size_t kept() const { return count_ < capacity ? count_ : capacity; }
  [[nodiscard]] Rate rate_before(std::size_t back) const;
  [[nodiscard]] Rate rate_after(std::size_t back) const;
  [[nodiscard]] static Rate rate_between(const Knot& early, const Knot& late);
  [[nodiscard]] static NicOffset run_on(const Knot& knot, const Rate& rate,
                                        std::int64_t realtime_ns);
  [[nodiscard]] static NicOffset interpolate(const Knot& early, const Knot& late,
                                             std::int64_t realtime_ns);
  [[nodiscard]] std::optional<std::int64_t> step_of(const CrossTimestamp& look) const;

  std::array<Knot, capacity> knots_{};
  std::size_t count_ = 0;
  std::uint64_t steps_ = 0;
  std::optional<CrossTimestamp> first_of_epoch_;  // may have left the ring
};

}  // namespace netobs
