// The hot loops of both hosts and the record thread, in the steps of engine/app.

#include <algorithm>
#include <array>

#include "core/sim/world.hpp"

namespace netobs::sim {
namespace {

constexpr std::size_t most_bytes = 2048;
constexpr std::int64_t longest_wait_ns = 20'000'000;
constexpr std::int64_t clock_interval_ns = 1'000'000;
constexpr int no_buffers = 105;  // ENOBUFS
constexpr std::int64_t longest_record_pause_ns = 6'000'000;

Endpoint sender_address() {
  constexpr std::uint16_t port = 40'000;
  return Endpoint::v4({198, 18, 0, 1}, port);
}
Endpoint reflector_address() {
  return Endpoint::v4({198, 18, 0, 2}, wire::default_port);
}

}  // namespace

void World::wake(Loop& loop, std::int64_t time_ns) {
  time_ns = std::max({time_ns, loop.busy_until_ns, events_.now_ns()});
  if (time_ns >= loop.wake_ns) return;
  loop.wake_ns = time_ns;
  events_.at(time_ns, [this, &loop, time_ns] {
    if (loop.wake_ns != time_ns) return;  // an earlier one took its place
    loop.wake_ns = no_time;
    if (time_ns < loop.busy_until_ns) return wake(loop, time_ns);
    &loop == &sender_loop_ ? sender_turn() : reflector_turn();
  });
}

void World::sender_turn() {
  if (done_) return;
  const auto now_ns = events_.now_ns();
  auto cursor = now_ns;
  sender_->set_closed_records(records_.size());
  const auto action = sender_->next({now_ns});
  if (action.step == Sender::Step::done) {
    clock_due_ns_ = now_ns;
    watch_clock();
    done_ = true;
    return;
  }
  auto next_ns = std::min(action.until.ns, now_ns + longest_wait_ns);
  if (action.step == Sender::Step::send) {
    send_due(cursor);
    next_ns = cursor;
  }
  for (const auto& item : take_due(sender_loop_)) sender_takes(item, cursor);
  watch_clock();
  sender_loop_.busy_until_ns = cursor + sender_host_.pause_ns();
  if (!sender_loop_.inbox.empty()) {
    next_ns = std::min(next_ns, sender_loop_.inbox.front().due_ns);
  }
  wake(sender_loop_, next_ns);
  constexpr std::size_t many = 1024;
  if (observations_.size() > many) drain_observations();
}

void World::send_due(std::int64_t& cursor) {
  constexpr std::size_t most_in_batch = 32;
  struct Written {
    std::uint64_t probe;
    std::int64_t start_ns;
    TxSlot slot;
    std::array<std::byte, most_bytes> bytes;
  };
  static_assert(most_bytes * most_in_batch < 100'000);
  std::vector<Written> batch;
  batch.reserve(most_in_batch);
  while (batch.size() < most_in_batch) {
    auto& written = batch.emplace_back();
    written.slot.buffer = written.bytes;
    const auto now_ns = cursor;
    cursor += random_.between(20, 200);
    written.start_ns = cursor;
    written.probe = probes_.size();
    const auto sent_before = sender_->counters().sent;
    sender_->prepare_probe(written.slot, {now_ns});
    sender_->stamp_probe(written.slot, {sender_host_.clock_ns(cursor)});
    auto& truth = probes_.emplace_back();
    truth.sent_monotonic_ns = now_ns;
    truth.measured = sender_->counters().sent > sent_before;
    cursor += random_.between(20, 200);
    if (sender_->next({cursor}).step != Sender::Step::send) break;
  }
  sender_->submitted();
  for (const auto& written : batch) {
    send_request(written.probe, written.slot.buffer.first(written.slot.size), written.start_ns);
    probes_[written.probe].at_sender.given[index(Point::app_tx)] = 0;
  }
}

void World::sender_takes(const Item& item, std::int64_t& cursor) {
  const auto direction = info(item.point).direction;
  switch (item.kind) {
    case Item::Kind::datagram:
      return sender_takes_reply(item, cursor);
    case Item::Kind::send_failure:
      probes_[item.packet.probe].refusal_given = observed();
      return sender_->on_send_failure(
          {static_cast<std::uint32_t>(scenario_.first_sequence + item.packet.probe), no_buffers});
    case Item::Kind::tx_timestamp:
      passage_at(sender_host_, item.packet, direction).given[index(item.point)] = observed();
      return sender_->on_tx_timestamp(
          {static_cast<std::uint32_t>(scenario_.first_sequence + item.packet.probe), item.point,
           item.value_ns});
    case Item::Kind::hook_event:
      passage_at(sender_host_, item.packet, direction).given[index(item.point)] = observed();
      return sender_->on_hook_event(hook_event(sender_host_, item));
  }
}

void World::sender_takes_reply(const Item& item, std::int64_t& cursor) {
  auto& probe = probes_[item.packet.probe];
  auto& reply = probe.requests[item.packet.request].replies[item.packet.reply];
  auto& passage = reply.at_sender;
  cursor += random_.between(20, 300);
  sender_host_.hand_over(cursor, passage);
  reply.taken = observed();
  reply.taken_monotonic_ns = cursor;
  note_reports(item);
  RxDatagram datagram;
  datagram.payload = item.payload;
  datagram.peer = reflector_address();
  datagram.app_rx_ns = passage.clock_ns[index(Point::app_rx)];
  passage.given[index(Point::app_rx)] = reply.taken;
  const auto attach = [&](Point point, std::optional<std::int64_t>& field) {
    if (!sender_host_.takes(point) || sender_host_.withholds()) return;
    field = passage.clock_ns[index(point)];
    passage.given[index(point)] = reply.taken;
  };
  attach(Point::rx_software, datagram.rx_software_ns);
  attach(Point::rx_hardware, datagram.rx_hardware_ns);
  sender_->on_datagram(datagram, {cursor});
  queue_timestamp(sender_loop_, sender_host_, item.packet, Point::skb_copy_datagram_iovec, passage);
}

void World::watch_clock() {
  const auto now_ns = events_.now_ns();
  if (now_ns < clock_due_ns_) return;
  clock_due_ns_ = now_ns + clock_interval_ns;
  const auto step = step_detector_.feed({now_ns}, {sender_host_.clock_ns(now_ns)}, {now_ns});
  Observation observation;
  observation.kind = Observation::Kind::clock_good;
  observation.monotonic_ns = now_ns;
  if (step) {
    clock_step_ = step;
    observation.kind = Observation::Kind::clock_step;
    observation.second = step->last_good.ns;
    observation.value_ns = step->size.count();
  }
  observations_.push(observation);
}

void World::reflector_turn() {
  auto cursor = events_.now_ns();
  for (const auto& item : take_due(reflector_loop_)) {
    // What a reflector that is no more had been given, or what came while there was none.
    if (restarted_ns_ && item.taken_ns < *restarted_ns_) continue;
    reflector_takes(item, cursor);
  }
  // As the real loop does: when the replies have left.
  const auto clock_ns = reflector_host_.clock_ns(cursor);
  if (reflector_step_detector_.feed({cursor}, {clock_ns}, {cursor})) reflector_->on_clock_step();
  reflector_->events_drained();
  reflector_loop_.busy_until_ns = cursor + reflector_host_.pause_ns();
  if (!reflector_loop_.inbox.empty()) wake(reflector_loop_, reflector_loop_.inbox.front().due_ns);
}

void World::reflector_takes(const Item& item, std::int64_t& cursor) {
  if (item.kind == Item::Kind::datagram) return answer(item, cursor);
  auto& request = probes_[item.packet.probe].requests[item.packet.request];
  request.at_reflector.given[index(item.point)] = reflector_events_++;
  if (item.kind == Item::Kind::tx_timestamp) {
    reflector_->on_tx_timestamp(request.timestamp_id, item.point, item.value_ns);
    return;
  }
  auto event = hook_event(reflector_host_, item);
  event.peer = sender_address();
  reflector_->on_hook_event(event);
}

void World::answer(const Item& item, std::int64_t& cursor) {
  auto& request = probes_[item.packet.probe].requests[item.packet.request];
  auto& passage = request.at_reflector;
  cursor += random_.between(20, 300);
  reflector_host_.hand_over(cursor, passage);
  RxDatagram datagram;
  datagram.payload = item.payload;
  datagram.peer = sender_address();
  datagram.app_rx_ns = passage.clock_ns[index(Point::app_rx)];
  const auto given = reflector_events_++;
  passage.given[index(Point::app_rx)] = given;
  const auto attach = [&](Point point, std::optional<std::int64_t>& field) {
    if (!reflector_host_.takes(point) || reflector_host_.withholds()) return;
    field = passage.clock_ns[index(point)];
    passage.given[index(point)] = given;
  };
  attach(Point::rx_software, datagram.rx_software_ns);
  attach(Point::rx_hardware, datagram.rx_hardware_ns);
  std::array<std::byte, most_bytes> buffer{};
  const auto reply = reflector_->on_datagram(datagram, {cursor}, buffer);
  queue_timestamp(reflector_loop_, reflector_host_, item.packet, Point::skb_copy_datagram_iovec,
                  passage);
  if (!reply) return;
  request.answered = true;
  request.number = reply->sequence;
  request.timestamp_id = reply->timestamp_id;
  cursor += random_.between(20, 2'000);
  const auto bytes = std::span(buffer).first(reply->size);
  passage.given[index(Point::app_tx)] = given;
  reflector_->stamp_t3(reply->key, bytes, reflector_host_.clock_ns(cursor));
  send_reply(item.packet, bytes, cursor);
}

void World::drain_observations() {
  std::array<Observation, 64> batch{};
  while (const auto count = observations_.pop(batch)) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto forced = correlator_->counters().forced_closes;
      correlator_->add(batch[i]);
      most_open_ = std::max(most_open_, correlator_->open());
      // The oldest records had to go before this observation could be taken in.
      const auto closed = correlator_->counters().forced_closes - forced;
      for (std::uint64_t n = 0; n < closed; ++n) probes_[next_to_close_++].closed = popped_;
      ++popped_;
    }
  }
  keep(correlator_->close({events_.now_ns()}));
}

void World::record_turn() {
  drain_observations();
  events_.at(events_.now_ns() + random_.between(1, longest_record_pause_ns),
             [this] { record_turn(); });
}

void World::keep(std::span<const ProbeRecord> records) {
  for (const auto& record : records) {
    if (record.sequence >= next_to_close_) {
      probes_[record.sequence].closed = popped_;
      next_to_close_ = record.sequence + 1;
    }
    statistics_->fold(record);
    records_.push_back(record);
  }
}

}  // namespace netobs::sim
