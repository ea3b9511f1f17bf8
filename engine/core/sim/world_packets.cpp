// How packets and the timestamps taken of them travel.

#include <algorithm>
#include <tuple>

#include "core/sim/world.hpp"
#include "core/wire/tlv.hpp"

namespace netobs::sim {
namespace {

bool later(const auto& a, const auto& b) {
  return std::tuple(a.due_ns, a.order) > std::tuple(b.due_ns, b.order);
}

bool comes_with_datagram(Point point) {
  return point == Point::rx_hardware || point == Point::rx_software;
}

bool is_socket_timestamp(Point point) {
  return point == Point::tx_sched || point == Point::tx_software || point == Point::tx_hardware;
}

}  // namespace

void World::put(Loop& loop, Item item) {
  item.order = item_order_++;
  const auto due_ns = item.due_ns;
  loop.inbox.push_back(std::move(item));
  std::ranges::push_heap(loop.inbox, later<Item, Item>);
  wake(loop, due_ns);
}

std::vector<World::Item> World::take_due(Loop& loop) {
  std::vector<Item> due;
  while (!loop.inbox.empty() && loop.inbox.front().due_ns <= events_.now_ns()) {
    std::ranges::pop_heap(loop.inbox, later<Item, Item>);
    due.push_back(std::move(loop.inbox.back()));
    loop.inbox.pop_back();
  }
  // A poll hands over datagrams, then transmit timestamps; hooks are polled after it.
  std::ranges::stable_sort(due, {}, &Item::kind);
  return due;
}

Passage& World::passage_at(HostModel& host, PacketRef packet, Direction direction) {
  auto& probe = probes_[packet.probe];
  if (&host == &reflector_host_) return probe.requests[packet.request].at_reflector;
  if (direction == Direction::tx) return probe.at_sender;
  return probe.requests[packet.request].replies[packet.reply].at_sender;
}

void World::queue_timestamp(Loop& loop, HostModel& host, PacketRef packet, Point point,
                            const Passage& passage) {
  if (!passage.passed.has(point) || !host.takes(point) || comes_with_datagram(point)) return;
  if (point == Point::app_tx || point == Point::app_rx) return;
  const auto delay_ns = host.delivery_delay_ns();
  if (delay_ns < 0) return;
  Item item;
  item.kind = is_socket_timestamp(point) ? Item::Kind::tx_timestamp : Item::Kind::hook_event;
  item.taken_ns = passage.at(point);
  item.due_ns = std::max(item.taken_ns, events_.now_ns()) + delay_ns;
  item.point = point;
  item.packet = packet;
  item.value_ns = passage.clock_ns[index(point)];
  put(loop, std::move(item));
}

void World::queue_timestamps(Loop& loop, HostModel& host, PacketRef packet, Direction direction,
                             const Passage& passage) {
  for (const auto& row : point_table) {
    if (row.direction == direction) queue_timestamp(loop, host, packet, row.point, passage);
  }
}

void World::send_request(std::uint64_t probe, std::span<const std::byte> packet,
                         std::int64_t start_ns) {
  auto& truth = probes_[probe];
  if (random_.chance(scenario_.refused_ppm)) {
    truth.refused = true;
    truth.at_sender.passed.add(Point::app_tx);
    truth.at_sender.clock_ns[index(Point::app_tx)] = sender_host_.clock_ns(start_ns);
    Item item;
    item.kind = Item::Kind::send_failure;
    item.due_ns = item.taken_ns = start_ns;
    item.packet.probe = probe;
    put(sender_loop_, std::move(item));
    return;
  }
  const bool left = sender_host_.leave(start_ns, truth.at_sender);
  queue_timestamps(sender_loop_, sender_host_, {probe}, Direction::tx, truth.at_sender);
  if (!left) return;
  const std::vector<std::byte> bytes(packet.begin(), packet.end());
  for (const auto arrival_ns : forward_.carry(truth.at_sender.at(Point::tx_hardware))) {
    events_.at(arrival_ns, [this, probe, bytes] { request_arrives(probe, bytes); });
  }
}

void World::request_arrives(std::uint64_t probe, const std::vector<std::byte>& bytes) {
  auto& requests = probes_[probe].requests;
  const PacketRef packet{probe, requests.size()};
  auto& passage = requests.emplace_back().at_reflector;
  const bool delivered = reflector_host_.arrive(events_.now_ns(), passage);
  queue_timestamps(reflector_loop_, reflector_host_, packet, Direction::rx, passage);
  if (!delivered) return;
  Item item;
  item.due_ns = item.taken_ns = passage.at(Point::socket_delivery);
  item.packet = packet;
  item.payload = bytes;
  put(reflector_loop_, std::move(item));
}

void World::send_reply(PacketRef packet, std::span<const std::byte> bytes, std::int64_t start_ns) {
  auto& passage = probes_[packet.probe].requests[packet.request].at_reflector;
  const bool left = reflector_host_.leave(start_ns, passage);
  queue_timestamps(reflector_loop_, reflector_host_, packet, Direction::tx, passage);
  if (!left) return;
  const std::vector<std::byte> copy(bytes.begin(), bytes.end());
  const auto written = reflector_events_;
  for (const auto arrival_ns : backward_.carry(passage.at(Point::tx_hardware))) {
    events_.at(arrival_ns, [this, packet, copy, written] { reply_arrives(packet, copy, written); });
  }
}

void World::reply_arrives(PacketRef packet, const std::vector<std::byte>& bytes,
                          std::uint64_t written) {
  auto& replies = probes_[packet.probe].requests[packet.request].replies;
  packet.reply = replies.size();
  auto& passage = replies.emplace_back().at_sender;
  const bool delivered = sender_host_.arrive(events_.now_ns(), passage);
  queue_timestamps(sender_loop_, sender_host_, packet, Direction::rx, passage);
  if (!delivered) return;
  Item item;
  item.due_ns = item.taken_ns = passage.at(Point::socket_delivery);
  item.packet = packet;
  item.written = written;
  item.payload = bytes;
  put(sender_loop_, std::move(item));
}

HookEvent World::hook_event(const HostModel& host, const Item& item) const {
  const bool at_sender = &host == &sender_host_;
  const bool request = at_sender == (info(item.point).direction == Direction::tx);
  const auto wire = static_cast<std::uint32_t>(scenario_.first_sequence + item.packet.probe);
  HookEvent event;
  event.ns = item.value_ns;
  event.point = item.point;
  event.ssid = sender_config_.ssid;
  event.sequence = wire;
  if (!request) {
    event.sequence = probes_[item.packet.probe].requests[item.packet.request].number;
    event.sender_sequence = wire;
  }
  return event;
}

void World::note_reports(const Item& item) {
  const auto mode =
      scenario_.authenticated ? wire::Mode::authenticated : wire::Mode::unauthenticated;
  wire::TlvWalk walk(wire::tlv_area(mode, std::span<const std::byte>(item.payload)));
  while (const auto tlv = walk.next()) {
    if (tlv->type != wire::TlvType::netobs) continue;
    const auto reply = wire::parse_netobs_reply(tlv->value);
    if (!reply) return;
    for (const auto& entry : reply->entries()) {
      const auto first = static_cast<std::uint32_t>(scenario_.first_sequence);
      const std::uint64_t probe = entry.sender_sequence - first;
      NETOBS_CHECK(probe < probes_.size(), "report of probe {}", probe);
      probes_[probe].reports.push_back({.number = entry.reflector_sequence,
                                        .points = entry.points,
                                        .ns = entry.ns,
                                        .written = item.written,
                                        .taken = observed()});
    }
  }
}

}  // namespace netobs::sim
