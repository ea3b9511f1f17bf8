#pragma once
// From the points that are active in a run to the list of segments: the intervals between
// neighbouring points on a probe's way.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/layer/point.hpp"
#include "core/layer/record.hpp"

namespace netobs::stats {

/// How CLOCK_REALTIME of the sender relates to that of the reflector.
struct ClockRelation {
  enum class Kind : std::uint8_t {
    unknown,       ///< nothing is known: no one-way delay exists
    synchronised,  ///< they agree within +- bound_ns
    same_clock,    ///< one machine, one clock
  };
  Kind kind = Kind::unknown;
  std::int64_t bound_ns = 0;  ///< for synchronised only

  [[nodiscard]] bool one_way_allowed() const { return kind != Kind::unknown; }
  friend bool operator==(const ClockRelation&, const ClockRelation&) = default;
};
[[nodiscard]] std::string_view name(ClockRelation::Kind kind);
[[nodiscard]] std::optional<ClockRelation::Kind> clock_relation_from_name(std::string_view name);

/// How a NIC's clock relates to CLOCK_REALTIME of its host.
struct NicClockRelation {
  /// Its times have been put on that scale. Without it hardware points stay out of the chain: they
  /// are in another clock.
  bool converted = false;
  std::int64_t bound_ns = 0;  ///< where converted: within +- this, the widest of the run
  friend bool operator==(const NicClockRelation&, const NicClockRelation&) = default;
};

struct PathConfig {
  std::array<PointSet, host_count> active;  ///< by index(Host)
  ClockRelation clocks;
  std::array<NicClockRelation, host_count> nic{};  ///< by index(Host)
  friend bool operator==(const PathConfig&, const PathConfig&) = default;
};

enum class SegmentKind : std::uint8_t {
  sender_tx,
  network_forward,
  reflector_rx,
  residence,
  reflector_tx,
  network_backward,
  sender_rx,
  network_both_ways,
};
[[nodiscard]] std::string_view name(SegmentKind kind);
/// "sender", "network" or "reflector".
[[nodiscard]] std::string_view place_of(SegmentKind kind);

/// Formula: ns(to) - ns(from), and for network_both_ways less the time inside the reflector:
/// (t4 - t1) - (t3 - t2), each bracket within one host's clock.
struct Segment {
  struct Bracket {
    std::size_t from = 0;
    std::size_t to = 0;
    friend bool operator==(const Bracket&, const Bracket&) = default;
  };
  std::size_t from = 0;  ///< slot
  std::size_t to = 0;    ///< slot
  SegmentKind kind = SegmentKind::sender_tx;
  std::string name;             ///< "qdisc", or "qdisc, driver" where a point between is inactive
  std::optional<Bracket> less;  ///< t2, t3 of network_both_ways

  /// "segment.sender.tc_egress.sender.tx_software", or "network.both_ways".
  [[nodiscard]] std::string key() const;
  friend bool operator==(const Segment&, const Segment&) = default;
};

/// The segments' sum is the application's round trip, exactly: every inner point cancels.
struct Path {
  std::vector<std::size_t> chain;  ///< active slots of the software clock in causal order
  std::vector<Segment> segments;   ///< in the same order
  friend bool operator==(const Path&, const Path&) = default;
};

/// One-way segments between the hosts exist only where the clocks allow it; else both ways count as
/// one, at the lowest active points. A reflector without both a receive and a transmit point is
/// left out: its part then counts as network.
[[nodiscard]] Path build_path(const PathConfig& config);

/// How much of a segment's length may be the disagreement of clocks, +- nanoseconds: the bounds of
/// all clocks that it crosses between. 0 when it begins and ends in one clock.
[[nodiscard]] std::int64_t uncertainty_ns(const Segment& segment, const PathConfig& config);

/// The segment's length in nanoseconds, nullopt unless all of its slots are captured. Impossible
/// timestamps of a peer saturate at the ends of int64.
[[nodiscard]] std::optional<std::int64_t> length_ns(const Segment& segment,
                                                    const ProbeRecord& record);

}  // namespace netobs::stats
