#pragma once
// Everything that a simulated run is made of. One seed gives one scenario and one course of events.

#include <cstdint>
#include <string>

#include "core/base/time.hpp"
#include "core/layer/point.hpp"
#include "core/session/schedule.hpp"

namespace netobs::sim {

/// CLOCK_REALTIME = base + true time + offset + true time * drift + the steps so far.
struct ClockConfig {
  std::int64_t offset_ns = 0;
  std::int64_t drift_ppb = 0;
  std::int64_t step_at_ns = -1;  ///< true time; -1 = never
  std::int64_t step_ns = 0;
};

struct HostConfig {
  ClockConfig clock;
  PointSet points;                       ///< timestamps that this host takes
  std::uint32_t withheld_ppm = 0;        ///< timestamps taken and never delivered
  std::uint32_t late_ppm = 0;            ///< delivered milliseconds late
  std::int64_t latest_ns = 0;            ///< the longest delay of a late one
  std::uint32_t dropped_inside_ppm = 0;  ///< packets lost between two points of this host
  std::int64_t longest_step_ns = 2'000;  ///< from one point to the next
  std::uint32_t stall_ppm = 0;           ///< turns of the hot loop after which it is not scheduled
  std::int64_t longest_stall_ns = 0;
};

struct LinkConfig {
  std::int64_t delay_ns = 0;
  std::int64_t jitter_ns = 0;
  std::uint32_t lost_ppm = 0;
  std::uint32_t duplicated_ppm = 0;
  std::uint32_t reordered_ppm = 0;  ///< held back, so that later packets overtake
  std::int64_t held_back_ns = 0;
  std::int64_t outage_at_ns = -1;  ///< nothing passes from here
  std::int64_t outage_ns = 0;      ///< for so long
};

struct Scenario {
  std::uint64_t seed = 0;
  ScheduleConfig schedule;
  std::uint64_t count = 100;
  Duration timeout = std::chrono::milliseconds(20);
  Duration grace = std::chrono::milliseconds(100);
  std::uint64_t first_sequence = 0;
  std::uint32_t refused_ppm = 0;  ///< sends that the sender's kernel refuses
  bool authenticated = false;
  bool stateful = true;
  bool foreign = false;              ///< a reflector without the Net Obs TLV
  bool room_for_tlv = true;          ///< false: the probe is a bare STAMP packet
  unsigned reports_per_reply = 2;    ///< room in a probe; 0 = the TLV's header only
  bool unique_timestamp_ids = true;  ///< of the reflector's transport
  std::size_t reflector_entries = 256;
  Duration hold = std::chrono::milliseconds(20);
  std::int64_t restart_at_ns = -1;  ///< of the reflector; -1 = never
  std::int64_t restart_takes_ns = 0;
  std::size_t window = 1024;
  HostConfig sender;
  HostConfig reflector;
  LinkConfig forward;
  LinkConfig backward;

  /// The reflector answers the Net Obs TLV and there is one.
  [[nodiscard]] bool multi_layer() const { return !foreign && room_for_tlv; }
  /// Both hosts' clocks agree at all times.
  [[nodiscard]] bool one_clock() const;
  /// A packet may exist twice.
  [[nodiscard]] bool duplicates() const {
    return forward.duplicated_ppm != 0 || backward.duplicated_ppm != 0;
  }
  [[nodiscard]] std::string description() const;
};

[[nodiscard]] Scenario random_scenario(std::uint64_t seed);

}  // namespace netobs::sim
