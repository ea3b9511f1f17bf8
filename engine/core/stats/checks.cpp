#include "core/stats/checks.hpp"

#include "core/stats/view.hpp"
#include "core/stats/wide.hpp"

namespace netobs::stats {

CausalViolations check_causal_order(const ProbeRecord& record, const ClockRelation& clocks) {
  constexpr std::size_t nothing_yet = slot_count;
  std::array<std::size_t, 2 * host_count> previous{nothing_yet, nothing_yet, nothing_yet,
                                                   nothing_yet};
  const bool one_clock = clocks.kind == ClockRelation::Kind::same_clock;
  CausalViolations violations;
  for (const std::size_t slot_index : path_order) {
    if (record.reason[slot_index] != Reason::captured) continue;
    if (!info(slot_point(slot_index)).in_order) continue;
    const bool hardware = info(slot_point(slot_index)).layer == Layer::nic;
    const std::size_t host = index(slot_host(slot_index));
    std::size_t& before = previous[hardware ? host_count + host : one_clock ? 0 : host];
    if (before != nothing_yet && record.ns[slot_index] < record.ns[before]) {
      violations.add(
          {before, slot_index, saturating_difference(record.ns[before], record.ns[slot_index])});
    }
    before = slot_index;
  }
  return violations;
}

std::optional<std::int64_t> identity_error_ns(const ProbeRecord& record, const Path& path) {
  if (path.segments.empty()) return std::nullopt;
  const auto first = record.at(path.chain.front());
  const auto last = record.at(path.chain.back());
  if (!first || !last) return std::nullopt;
  const auto round_trip = saturating_difference(*last, *first);
  Int128 sum = 0;
  for (const Segment& segment : path.segments) {
    const auto length = length_ns(segment, record);
    if (!length) return std::nullopt;
    sum += *length;
  }
  const Int128 error = round_trip - sum;
  if (error > INT64_MAX) return INT64_MAX;
  if (error < INT64_MIN) return INT64_MIN;
  return static_cast<std::int64_t>(error);
}

std::optional<bool> capture_agrees(const ProbeRecord& record, Host host) {
  const auto captured = record.at(host, Point::pcap_rx);
  const auto stamped = record.at(host, Point::rx_software);
  if (!captured || !stamped) return std::nullopt;
  return *captured == *stamped;
}

}  // namespace netobs::stats
