#pragma once
// What really happened in a simulated run, kept apart from everything that was observed.

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "core/layer/point.hpp"

namespace netobs::sim {

inline constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

/// One packet on its way through one host, in one direction or (at the reflector) both.
struct Passage {
  PointSet passed;
  std::array<std::int64_t, point_count> true_ns{};   ///< valid where passed
  std::array<std::int64_t, point_count> clock_ns{};  ///< what that host's clock showed then
  /// When the timestamp was given to the state machine of that host, in its own count of events.
  std::array<std::uint64_t, point_count> given = [] {
    std::array<std::uint64_t, point_count> all{};
    all.fill(never);
    return all;
  }();

  [[nodiscard]] std::int64_t at(Point point) const { return true_ns[index(point)]; }
};

/// One copy of a reply.
struct ReplyTruth {
  Passage at_sender;
  std::uint64_t taken = never;  ///< observations made before the sender took it
  std::int64_t taken_monotonic_ns = 0;
};

/// One copy of a request and what the reflector made of it.
struct RequestTruth {
  Passage at_reflector;
  bool answered = false;
  std::uint32_t number = 0;        ///< the reflector's sequence, when answered
  std::uint32_t timestamp_id = 0;  ///< of the reply, when answered
  std::vector<ReplyTruth> replies;
};

/// An entry about this probe in a reply that the sender took.
struct ReportTruth {
  std::uint32_t number = 0;
  PointSet points;
  std::array<std::int64_t, point_count> ns{};
  std::uint64_t written = 0;    ///< events at the reflector before
  std::uint64_t taken = never;  ///< observations at the sender before
};

struct ProbeTruth {
  Passage at_sender;
  std::int64_t sent_monotonic_ns = 0;
  bool measured = true;  ///< false: a drain probe
  bool refused = false;
  std::uint64_t refusal_given = never;  ///< observations before the sender heard of it
  std::vector<RequestTruth> requests;
  std::vector<ReportTruth> reports;
  std::uint64_t closed = never;  ///< observations in its record's reach

  [[nodiscard]] bool answered() const {
    for (const auto& request : requests) {
      if (request.answered) return true;
    }
    return false;
  }
};

}  // namespace netobs::sim
