#include "core/capture/replay.hpp"

#include <algorithm>

#include "core/base/saturating.hpp"

namespace netobs::capture {
namespace {

/// CPUs hand their packets to a capture in batches, each in order.
constexpr std::int64_t reordering_ns = 10'000'000;
constexpr std::size_t max_steps_kept = 16;
/// The years 1970 to 2116: room for arithmetic, whatever a capture says.
constexpr std::int64_t latest_ns = std::int64_t{1} << 62U;
constexpr std::uint64_t max_steps = 4096;

}  // namespace

void Replay::on_packet(LinkType link, std::int64_t capture_ns, std::span<const std::byte> frame,
                       Vantage vantage) {
  ++counters_.packets;
  const auto ns = std::clamp<std::int64_t>(capture_ns, 0, latest_ns);
  if (capture_ns != ns || capture_ns == 0) ++counters_.without_time;
  // The far point has a clock of its own; what is overdue is told by the near one.
  const bool far = vantage == Vantage::far;
  const auto now = far ? clock_.now : follow_clock(ns);
  const auto datagram = read_link_frame(link, frame);
  if (!datagram) {
    ++counters_.skipped[static_cast<std::size_t>(datagram.error())];
    return;
  }
  ++counters_.datagrams;
  if (datagram->first_fragment) ++counters_.first_fragments;
  if (matcher_.on_datagram(*datagram, {ns, now}, vantage)) {
    ++counters_.of_sessions;
  } else if (!far) {
    census_.add(*datagram);
  }
}

MonotonicTime Replay::follow_clock(std::int64_t ns) {
  if (!first_ns_) {
    first_ns_ = ns;
    last_ns_ = ns;
    clock_ = {ns, {}};
  }
  last_ns_ = std::max(last_ns_, ns);
  const auto ahead = saturating_difference(ns, clock_.highest_ns);
  if (ahead >= 0) {
    clock_.now.ns = std::min(saturating_sum(clock_.now.ns, ahead), latest_ns);
    clock_.highest_ns = ns;
    return clock_.now;
  }
  if (ahead >= -reordering_ns) {
    ++counters_.reordered;
    return clock_.now;
  }
  ++counters_.clock_steps;
  if (steps_ns_.size() < max_steps_kept) steps_ns_.push_back(ahead);
  clock_.highest_ns = ns;
  matcher_.on_clock_step(clock_.now, clock_.now, ahead);
  return clock_.now;
}

bool Replay::out_of_order() const {
  return counters_.clock_steps > max_steps;
}

}  // namespace netobs::capture
