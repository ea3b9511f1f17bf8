// A capture of anything: frames, datagrams and half-plausible probes at any times, at one point or
// two. Every packet is accounted for, and every request that counts has one record.

#include <algorithm>
#include <array>

#include "core/base/saturating.hpp"
#include "fuzz/fuzz.hpp"
#include "unit/capture/tape.hpp"

using namespace netobs;
using namespace netobs::capture;

namespace {

constexpr std::size_t step_header = 6;  // what, which flow, number (2), time, length

/// Steps of the clock between packets, some of them back.
constexpr std::array<std::int64_t, 8> steps_ns{
    0, 1'000, 1'000'000, 600'000'000, -1'000'000, -3'000'000'000, 2'000'000'000'000, INT64_MAX};

class CountingSink final : public SessionSink {
 public:
  std::uint64_t records = 0;
  std::size_t admitted = 0;

  bool admits(const SessionIdentity& /*session*/) override { return ++admitted <= 4; }
  void on_records(const SessionIdentity& /*session*/, std::span<const ProbeRecord> some) override {
    records += some.size();
  }
  void on_rollups(const SessionIdentity& /*session*/, std::vector<stats::Rollup> /*rollups*/,
                  std::vector<stats::IntervalCounts> /*counts*/) override {}
};

MatcherConfig config_of(std::uint8_t variant) {
  auto config = standard_config(static_cast<Match>(variant % 3));
  config.max_flows = 8;
  config.max_pending = 8;
  config.max_all_pending = 32;
  config.max_sessions = 8;
  config.max_sessions_per_flow = 4;
  config.session.two_points = (variant & 8U) != 0;
  config.session.at_sender = (variant & 16U) != 0;
  config.session.interval_ns = (variant & 32U) != 0 ? test_s : 0;
  if ((variant & 64U) != 0) config.number = NumberField{.offset = 3, .octets = 2};
  if ((variant & 128U) != 0) {
    config.session.clocks.kind = stats::ClockRelation::Kind::same_clock;
  }
  return config;
}

TestFlow flow_of(std::uint8_t selector) {
  TestFlow flow;
  flow.sender.port = static_cast<std::uint16_t>(40'000 + (selector & 3U));
  flow.reflector.port = (selector & 4U) != 0 ? 5000 : 862;
  return flow;
}

/// What the step says, with the input's octets laid over its end.
Bytes frame_of(std::uint8_t what, std::uint8_t selector, std::uint16_t number,
               std::span<const std::byte> octets) {
  const auto flow = flow_of(selector);
  TestPacket packet{.number = number, .t1_ns = test_start + number, .ssid = 1};
  packet.ssid = static_cast<std::uint16_t>(selector >> 6U);
  if ((selector & 8U) != 0) {
    packet.mode = wire::Mode::authenticated;
    packet.size = 112;
  }
  const auto with = [&](Bytes payload) {
    payload.insert(payload.end(), octets.begin(), octets.end());
    return payload;
  };
  switch (what % 8) {
    case 0:
      return {octets.begin(), octets.end()};
    case 1:
      return udp_frame(flow, octets);
    case 2:
      return udp_frame(flow.reversed(), octets);
    case 3:
    case 4:
      return udp_frame(flow, with(request_payload(packet)));
    case 5:
    case 6:
      return udp_frame(flow.reversed(),
                       with(reply_payload(packet, number, test_start, test_start + 9)));
    default:
      return icmp_frame((selector & 16U) != 0 ? flow.reversed() : flow, (selector & 16U) != 0,
                        selector, number);
  }
}

void check_accounts(const Replay& replay, const CountingSink& sink) {
  const auto& counters = replay.counters();
  std::uint64_t accounted = counters.datagrams;
  for (const auto skipped : counters.skipped) accounted += skipped;
  NETOBS_CHECK(accounted == counters.packets, "{} of {}", accounted, counters.packets);
  std::uint64_t requests = 0;
  for (const auto& session : replay.matcher().sessions()) {
    const auto* statistics = session->statistics();
    if (statistics == nullptr) continue;
    requests += session->counters().requests;
    const auto& probes = statistics->probes();
    NETOBS_CHECK(
        probes.sent == session->counters().requests && probes.sent == probes.received + probes.lost,
        "{} sent, {} received, {} lost", probes.sent, probes.received, probes.lost);
  }
  NETOBS_CHECK(requests == sink.records, "{} requests, {} records", requests, sink.records);
  NETOBS_CHECK(replay.matcher().sessions().size() <= 8, "{} sessions",
               replay.matcher().sessions().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::input(data, size);
  if (bytes.empty()) return 0;
  CountingSink sink;
  Replay replay(config_of(std::to_integer<std::uint8_t>(bytes[0])), sink);
  bytes = bytes.subspan(1);
  std::int64_t now_ns = test_start;
  while (bytes.size() >= step_header) {
    const auto what = std::to_integer<std::uint8_t>(bytes[0]);
    const auto selector = std::to_integer<std::uint8_t>(bytes[1]);
    const auto number = load_be<std::uint16_t>(bytes, 2);
    const auto time = std::to_integer<std::uint8_t>(bytes[4]);
    const auto wanted = std::to_integer<std::size_t>(bytes[5]);
    const auto rest = bytes.subspan(step_header);
    const auto octets = rest.first(std::min(wanted, rest.size()));
    now_ns = saturating_sum(now_ns, steps_ns[time % steps_ns.size()]);
    const auto link =
        what % 8 == 0 ? static_cast<LinkType>(selector % link_type_count) : LinkType::raw_ip;
    const auto vantage = (what & 0x80U) != 0 ? Vantage::far : Vantage::near;
    replay.on_packet(link, now_ns, frame_of(what, selector, number, octets), vantage);
    bytes = rest.subspan(octets.size());
  }
  replay.finish();
  check_accounts(replay, sink);
  return 0;
}
