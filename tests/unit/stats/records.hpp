#pragma once
// Hand-made probe records whose every interval is known.

#include <array>
#include <cstdint>

#include "core/layer/record.hpp"

namespace netobs::test {

/// Every point of the software clock that a packet of a socket passes, on one host.
inline constexpr PointSet all_software =
    socket_path.without(points_of(Layer::nic) | points_of(Layer::pcap));

/// Intervals between neighbouring software points along the way: 4 in the sender, out, 4 up and the
/// residence and 4 down in the reflector, back, 4 in the sender. Sum: 14 220 ns.
inline constexpr std::array<std::int64_t, 19> usual_intervals{
    2000, 100, 300,  200,   // sender: to tx_sched, tc_egress, net_dev_start_xmit, tx_software
    600,                    // out
    150,  400, 3000, 250,   // reflector: to tc_ingress, socket_delivery, copy, app_rx
    500,                    // residence
    1800, 100, 300,  200,   // reflector: down again
    700,                    // back
    160,  420, 2800, 240};  // sender: up again
inline constexpr std::size_t sender_wake_up = 17;
inline constexpr std::size_t way_out = 4;

inline constexpr std::int64_t start_ns = 1'700'000'000'000'000'000;
inline constexpr std::int64_t every_ns = 1'000'000;

/// An answered probe, sent on time at start_ns + sequence ms, all software points captured. The
/// reflector's clock is ahead by `offset_ns`.
inline ProbeRecord make_record(std::uint64_t sequence,
                               const std::array<std::int64_t, 19>& intervals = usual_intervals,
                               std::int64_t offset_ns = 5'000'000'000) {
  ProbeRecord record;
  record.sequence = sequence;
  record.intended_ns = start_ns + static_cast<std::int64_t>(sequence) * every_ns;
  record.outcome = Outcome::answered;
  record.reply_count = 1;
  record.reason.fill(Reason::not_requested);
  std::int64_t now = record.intended_ns;
  std::size_t next = 0;
  for (const std::size_t slot_index : path_order) {
    if (!all_software.has(slot_point(slot_index))) continue;
    record.set(slot_index, now + (slot_host(slot_index) == Host::reflector ? offset_ns : 0));
    if (next < intervals.size()) now += intervals[next++];
  }
  return record;
}

/// A probe that left and never came back; nothing is known but the sender's own points.
inline ProbeRecord make_lost(std::uint64_t sequence, Outcome outcome = Outcome::lost_unknown) {
  ProbeRecord record = make_record(sequence);
  record.outcome = outcome;
  record.reply_count = 0;
  for (std::size_t i = 0; i < slot_count; ++i) {
    const bool sender_tx =
        slot_host(i) == Host::sender && info(slot_point(i)).direction == Direction::tx;
    if (!sender_tx && record.reason[i] == Reason::captured) record.reason[i] = Reason::probe_lost;
  }
  return record;
}

}  // namespace netobs::test
