// The TLVs of a probe with all layers: the walk over them, and the Net Obs TLV of a reply, written
// and read.

#include "core/wire/tlv.hpp"

#include <array>
#include <vector>

#include "core/base/check.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "micro/core_units.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

constexpr std::size_t follow_up_size = 16;
constexpr unsigned entries_per_reply = 2;  // each report travels twice

PointSet reported_points() {
  return socket_path.without(points_of(Layer::nic));
}

/// Follow-Up Telemetry, Class of Service, Net Obs, padding: what a sender of ours writes, and one
/// more.
std::vector<std::byte> make_area() {
  std::vector<std::byte> area(256);
  wire::TlvBuilder builder(area);
  const auto value_size = wire::netobs_value_size(reported_points(), entries_per_reply);
  const bool fits = builder.add(wire::TlvType::follow_up_telemetry, follow_up_size) &&
                    builder.add(wire::TlvType::class_of_service, 4);
  const auto value = builder.add(wire::TlvType::netobs, value_size);
  NETOBS_CHECK(fits && value, "area of {}", area.size());
  wire::write_netobs_request(*value, reported_points());
  builder.pad_to_end();
  return area;
}

std::size_t walk_to_end(std::span<const std::byte> area, std::size_t& octets) {
  wire::TlvWalk walk(area);
  std::size_t count = 0;
  while (const auto tlv = walk.next()) {
    octets += tlv->value.size();
    ++count;
  }
  return walk.malformed() ? 0 : count;
}

void walk(benchmark::State& state) {
  auto area = make_area();
  std::size_t octets = 0;
  constexpr std::size_t tlv_count = 4;
  NETOBS_CHECK(walk_to_end(area, octets) == tlv_count, "{} octets in values", octets);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(area.data());
    benchmark::ClobberMemory();
    auto count = walk_to_end(area, octets);
    benchmark::DoNotOptimize(count);
  }
  benchmark::DoNotOptimize(octets);
  count_items(state, tlv_count);
}

wire::NetobsEntry make_entry(std::uint32_t sequence) {
  wire::NetobsEntry entry;
  entry.reflector_sequence = sequence;
  entry.sender_sequence = sequence;
  entry.points = reported_points();
  std::int64_t now = 1'764'000'000'000'000'000 + std::int64_t{sequence} * 500'000;
  for (const auto& row : point_table) {
    if (entry.points.has(row.point)) entry.ns[index(row.point)] = now += 700;
  }
  return entry;
}

std::vector<std::byte> reply_value() {
  return std::vector<std::byte>(wire::netobs_value_size(reported_points(), entries_per_reply));
}

bool write_reply(std::span<std::byte> value, const std::array<wire::NetobsEntry, 2>& entries) {
  wire::NetobsReplyWriter writer(value, {.available = reported_points()});
  return writer.add(entries[0]) && writer.add(entries[1]);
}

void write_netobs(benchmark::State& state) {
  auto value = reply_value();
  std::array entries{make_entry(1), make_entry(2)};
  for ([[maybe_unused]] auto _ : state) {
    ++entries[0].sender_sequence;
    bool fits = write_reply(value, entries);
    benchmark::DoNotOptimize(fits);
    benchmark::DoNotOptimize(value.data());
    benchmark::ClobberMemory();
  }
  count_items(state, entries_per_reply);
}

void parse_netobs(benchmark::State& state) {
  auto value = reply_value();
  const std::array entries{make_entry(1), make_entry(2)};
  NETOBS_CHECK(write_reply(value, entries), "value of {}", value.size());
  const auto first = wire::parse_netobs_reply(value);
  NETOBS_CHECK(
      first && first->entry_count == entries_per_reply && first->entry_slots[1] == entries[1],
      "the reply is not read as it was written");
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(value.data());
    benchmark::ClobberMemory();
    auto reply = wire::parse_netobs_reply(value);
    benchmark::DoNotOptimize(reply);
  }
  count_items(state, entries_per_reply);
}

}  // namespace

void register_tlv() {
  benchmark::RegisterBenchmark("tlv/walk", walk);
  benchmark::RegisterBenchmark("tlv/netobs_write", write_netobs);
  benchmark::RegisterBenchmark("tlv/netobs_parse", parse_netobs);
}

}  // namespace netobs::micro
