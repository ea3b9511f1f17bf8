#include "core/session/reflector_entries.hpp"

#include <algorithm>

#include "core/base/saturating.hpp"

namespace netobs {

namespace {

/// The first that this host knows of the request.
std::int64_t arrival_ns(const ReplyEntry& entry) {
  std::int64_t first = entry.times.ns[index(Point::app_rx)];
  for (const auto& row : point_table) {
    const bool counts = row.direction == Direction::rx && row.layer != Layer::nic;
    if (counts && entry.times.points.has(row.point)) {
      first = std::min(first, entry.times.ns[index(row.point)]);
    }
  }
  return first;
}

}  // namespace

void LossSpan::add(std::int64_t from_ns, std::int64_t until_ns) {
  constexpr std::int64_t slack_ns = 1'000'000;  // of clocks that were converted, and between points
  constexpr std::int64_t apart_ns = 50'000'000;
  if (from_ns > saturating_sum(until_ns_, apart_ns)) forget();
  from_ns_ = std::min(from_ns_, from_ns - slack_ns);
  until_ns_ = std::max(until_ns_, until_ns + slack_ns);
}

std::optional<std::uint64_t> NumberQueue::push(std::uint64_t number) {
  std::optional<std::uint64_t> lost;
  if (size() == numbers_.size()) {
    lost = front();
    pop();
  }
  numbers_[tail_++ % numbers_.size()] = number;
  return lost;
}

std::optional<std::uint64_t> NumberQueue::front() const {
  if (size() == 0) return std::nullopt;
  return numbers_[head_ % numbers_.size()];
}

EntryRing::EntryRing(const EntryLimits& limits, std::uint64_t first_number)
    : limits_(limits),
      ring_(limits.capacity),
      fresh_(limits.capacity),
      again_(limits.capacity),
      overdue_next_(first_number) {
  ring_.start_at(first_number);
}

std::uint64_t EntryRing::add(std::uint32_t reflector_sequence, std::uint32_t sender_sequence,
                             const Turn& turn, bool tx_hardware_unasked) {
  ReplyEntry entry;
  entry.times.tx_hardware_unasked = tx_hardware_unasked;
  entry.round = turn.round;
  entry.times.reflector_sequence = reflector_sequence;
  entry.times.sender_sequence = sender_sequence;
  entry.replied = turn.now;
  entry.number = ring_.next();
  ring_.push(sender_sequence, entry, [this](const ReplyEntry& old) {
    // Sent at least once and with nothing new to tell is no loss, only less redundancy.
    if (wanted_.bits() != 0 && (old.queued_fresh || !old.matured)) ++dropped_;
  });
  return entry.number;
}

bool EntryRing::set(std::uint64_t number, Point point, std::int64_t ns) {
  ReplyEntry* entry = ring_.at(number);
  return entry != nullptr && file(*entry, point, ns);
}

bool EntryRing::set_hardware(std::uint64_t number, Point point, std::int64_t nic_ns,
                             const NicClock* clock) {
  ReplyEntry* entry = ring_.at(number);
  if (entry == nullptr) return true;  // forgotten, and counted as that
  if (clock == nullptr) {
    (void)file(*entry, point, nic_ns);
    return true;
  }
  // By the host's own time of the same packet: what the NIC says may be false.
  const bool received = info(point).direction == Direction::rx;
  const auto there =
      clock->offset_at(entry->times.ns[index(received ? Point::app_rx : Point::app_tx)]);
  // One offset for both: their difference stays the NIC's own.
  if (!entry->nic_offset) entry->nic_offset = there;
  if (!there || there->epoch != entry->nic_offset->epoch) return false;
  entry->times.nic_bound_ns = std::max(entry->times.nic_bound_ns.value_or(0),
                                       combined_bound_ns(*entry->nic_offset, *there));
  (void)file(*entry, point, saturating_sum(nic_ns, entry->nic_offset->ns));
  return true;
}

void EntryRing::mark_hardware_impossible(std::uint64_t number) {
  if (ReplyEntry* entry = ring_.at(number)) entry->times.hardware_impossible = true;
}

bool EntryRing::file(ReplyEntry& entry, Point point, std::int64_t ns) {
  const bool known = entry.times.points.has(point);
  if (known && point != Point::tx_software && point != Point::tx_hardware) return false;
  entry.times.points.add(point);
  entry.times.ns[index(point)] = ns;
  if (known || !wanted_.has(point)) return true;
  if (!entry.matured) {
    if (complete(entry)) queue_fresh(entry);
  } else if (!entry.queued_fresh && !entry.renewed) {
    entry.renewed = true;
    queue_fresh(entry);
  }
  return true;
}

void EntryRing::mark_clock_step(std::uint64_t round) {
  hook_losses_.forget();
  const auto next = ring_.next();
  for (std::size_t back = 1; back <= ring_.capacity() && back <= next; ++back) {
    ReplyEntry* entry = ring_.at(next - back);
    if (entry == nullptr) return;
    if (entry->round == round || !complete(*entry)) entry->times.clock_stepped = true;
  }
}

/// What will come of this entry, as far as is known.
PointSet EntryRing::awaited(const ReplyEntry& entry) const {
  PointSet points = wanted_;
  if (entry.times.tx_hardware_unasked) points.remove(Point::tx_hardware);
  return points;
}

bool EntryRing::complete(const ReplyEntry& entry) const {
  return wanted_.bits() != 0 && entry.times.points.covers(awaited(entry));
}

bool EntryRing::settled(const ReplyEntry& entry, std::uint64_t round) const {
  PointSet transmit;
  for (const auto& row : point_table) {
    if (row.direction == Direction::tx) transmit.add(row.point);
  }
  return entry.round < round && entry.times.points.covers(awaited(entry) & transmit);
}

void EntryRing::mature_overdue(const Turn& turn) {
  const std::uint64_t end = ring_.next();
  if (end > limits_.capacity) overdue_next_ = std::max(overdue_next_, end - limits_.capacity);
  for (; overdue_next_ < end; ++overdue_next_) {
    ReplyEntry* entry = ring_.at(overdue_next_);
    if (entry == nullptr || entry->matured) continue;
    const bool overdue = settled(*entry, turn.round) || turn.now - entry->replied >= limits_.hold ||
                         end - overdue_next_ > limits_.capacity / 2;
    if (!overdue) return;
    queue_fresh(*entry);
  }
}

void EntryRing::queue_fresh(ReplyEntry& entry) {
  entry.matured = true;
  entry.queued_fresh = true;
  entry.sends_left = std::max<std::uint8_t>(1, limits_.sends);
  // One pushed out of the queue keeps its flag: it counts as dropped when its place is taken.
  (void)fresh_.push(entry.number);
}

void EntryRing::queue_again(ReplyEntry& entry) {
  entry.queued_again = true;
  if (const auto lost = again_.push(entry.number)) {
    if (ReplyEntry* pushed_out = ring_.at(*lost)) pushed_out->queued_again = false;
  }
}

ReplyEntry* EntryRing::front(NumberQueue& queue, bool ReplyEntry::* queued) {
  while (const auto number = queue.front()) {
    ReplyEntry* entry = ring_.at(*number);
    if (entry != nullptr && entry->*queued) return entry;
    queue.pop();
  }
  return nullptr;
}

bool EntryRing::send(wire::NetobsReplyWriter& writer, ReplyEntry& entry, const Turn& turn,
                     bool& any_sent) {
  wire::NetobsEntry times = entry.times;
  times.points = times.points & wanted_;
  if (!times.points.covers(wanted_ & hook_points)) {
    const auto arrival = arrival_ns(entry);
    times.hook_events_lost = hook_losses_.covers(arrival) || turn.hook_losses.covers(arrival);
  }
  if (!writer.add(times)) {
    if (any_sent) return false;
    // Larger than the room that the sender gives (differences of seconds): it will never go.
    entry.sends_left = 0;
    if (entry.queued_fresh) ++dropped_;
    return true;
  }
  any_sent = true;
  entry.sent_in = fills_;
  --entry.sends_left;
  return true;
}

void EntryRing::fill(wire::NetobsReplyWriter& writer, const Turn& turn) {
  mature_overdue(turn);
  ++fills_;
  bool any_sent = false;
  while (ReplyEntry* entry = front(fresh_, &ReplyEntry::queued_fresh)) {
    if (!send(writer, *entry, turn, any_sent)) return;
    fresh_.pop();
    entry->queued_fresh = false;
    if (entry->sends_left > 0 && !entry->queued_again) queue_again(*entry);
  }
  while (ReplyEntry* entry = front(again_, &ReplyEntry::queued_again)) {
    if (entry->sent_in == fills_) return;  // twice in one reply is no redundancy
    if (entry->sends_left > 0 && !send(writer, *entry, turn, any_sent)) return;
    again_.pop();
    entry->queued_again = false;
    if (entry->sends_left > 0) queue_again(*entry);
  }
}

}  // namespace netobs
