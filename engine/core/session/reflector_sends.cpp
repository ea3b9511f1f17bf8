#include "core/session/reflector_sends.hpp"

#include "core/base/serial.hpp"

namespace netobs {
namespace {

// A driver's software timestamp follows the send call within this; a later one is another packet's.
constexpr std::int64_t shared_id_window_ns = 1'000'000'000;

// A NIC may tell late, but it sends soon. Wider, it would reach back to the warm-up.
constexpr std::int64_t shared_id_hardware_window_ns = 100'000'000;

bool plausible(const RecentSends::Send& send, Point point, std::int64_t ns) {
  if (!send.stamped || send.failed) return false;
  const auto window =
      point == Point::tx_hardware ? shared_id_hardware_window_ns : shared_id_window_ns;
  return ns >= send.t3_ns && ns - window <= send.t3_ns;
}

}  // namespace

std::uint64_t RecentSends::add(TableHandle session, std::uint64_t reply_number,
                               std::uint32_t sequence) {
  const std::uint64_t number = ring_.next();
  Send send;
  send.session = session;
  send.reply_number = reply_number;
  ring_.push(sequence, send, [](const Send&) {});
  return number;
}

std::uint32_t RecentSends::id_of(std::uint64_t send_number, std::uint32_t sequence) const {
  return unique_ids_ ? static_cast<std::uint32_t>(send_number) : sequence;
}

void RecentSends::stamp(std::uint64_t send_number, std::int64_t t3_ns) {
  if (Send* send = ring_.at(send_number)) {
    send->t3_ns = t3_ns;
    send->stamped = true;
  }
}

RecentSends::Send* RecentSends::find_shared(std::uint32_t id, Point point,
                                            std::optional<std::int64_t> realtime_ns) {
  if (!realtime_ns) return latest_without(id, point);
  Send* first = ring_.find(id, [&](const Send& candidate) {
    return !candidate.seen.has(point) && plausible(candidate, point, *realtime_ns);
  });
  if (first != nullptr || point == Point::tx_sched) return first;
  // A false one of the NIC: it shall be said of its own reply that it is, not of an earlier one's.
  if (point == Point::tx_hardware) return latest_without(id, point);
  // All have theirs: a device stacked below stamped again, for the latest of them.
  Send* latest = nullptr;
  (void)ring_.find(id, [&](Send& candidate) {
    if (plausible(candidate, point, *realtime_ns)) latest = &candidate;
    return false;
  });
  return latest;
}

RecentSends::Send* RecentSends::latest_without(std::uint32_t id, Point point) {
  Send* latest = nullptr;
  (void)ring_.find(id, [&](Send& candidate) {
    if (candidate.stamped && !candidate.failed && !candidate.seen.has(point)) latest = &candidate;
    return false;
  });
  return latest;
}

const RecentSends::Send* RecentSends::attribute(std::uint32_t id, Point point,
                                                std::optional<std::int64_t> realtime_ns) {
  Send* send =
      unique_ids_ ? ring_.at(unwrap_serial(id, ring_.next())) : find_shared(id, point, realtime_ns);
  if (send == nullptr) return nullptr;
  send->seen.add(point);
  return send;
}

void RecentSends::fail(std::uint32_t id) {
  Send* send = unique_ids_ ? ring_.at(unwrap_serial(id, ring_.next()))
                           : ring_.find(id, [](const Send& candidate) {
                               return !candidate.failed && candidate.seen.bits() == 0;
                             });
  if (send != nullptr) send->failed = true;
}

}  // namespace netobs
