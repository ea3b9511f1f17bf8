#include "core/sim/world.hpp"

#include <utility>

#include "core/base/check.hpp"

namespace netobs::sim {
namespace {

constexpr std::uint16_t ssid = 0x1234;
constexpr std::size_t queue_capacity = 1U << 12U;
/// Probes whose reflector never answers are given up after this long, whatever else goes on.
constexpr std::uint64_t most_events = 2'000'000;

std::vector<std::byte> key() {
  std::vector<std::byte> bytes(16);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

template <class T>
T value_of(Result<T> result) {
  NETOBS_CHECK(result.has_value(), "{}", result.error().message());
  return std::move(*result);
}

std::uint32_t probe_size(const Scenario& scenario, wire::Mode mode) {
  if (!scenario.room_for_tlv) return static_cast<std::uint32_t>(wire::layout(mode).base_size);
  const auto wanted = scenario.sender.points | scenario.reflector.points;
  return probe_size_for(mode, wanted, scenario.reports_per_reply);
}

}  // namespace

World::World(const Scenario& scenario)
    : scenario_(scenario),
      random_(scenario.seed),
      sender_host_(scenario.sender, random_),
      reflector_host_(scenario.reflector, random_),
      forward_(scenario.forward, random_),
      backward_(scenario.backward, random_),
      observations_(queue_capacity) {
  configure();
  sender_.emplace(value_of(Sender::make(sender_config_, observations_)));
  make_reflector();
}

void World::configure() {
  const bool multi_layer = scenario_.multi_layer();
  const auto mode =
      scenario_.authenticated ? wire::Mode::authenticated : wire::Mode::unauthenticated;
  auto& sender = sender_config_;
  sender.schedule = scenario_.schedule;
  sender.count = scenario_.count;
  sender.timeout = scenario_.timeout;
  sender.first_sequence = scenario_.first_sequence;
  sender.ssid = ssid;
  sender.size_bytes = probe_size(scenario_, mode);
  if (scenario_.authenticated) sender.auth_key = key();
  sender.multi_layer = multi_layer;
  sender.reflector_points = scenario_.sender.points | scenario_.reflector.points;

  auto& correlator = correlator_config_;
  correlator.window = scenario_.window;
  correlator.timeout = scenario_.timeout;
  correlator.grace = scenario_.grace;
  correlator.sender_points = scenario_.sender.points;
  correlator.reflector_points = scenario_.reflector.points;
  if (!multi_layer) {
    // T2 and T3, and what Follow-Up Telemetry tells.
    auto told = points_of(Layer::app);
    if (scenario_.room_for_tlv) told.add(Point::tx_software);
    correlator.reflector_points = told & scenario_.reflector.points;
  }
  correlator.reflector_reports = multi_layer;
  correlator.reflector_counts = scenario_.stateful;
  correlator_.emplace(correlator);

  stats::RunStatisticsConfig statistics;
  statistics.plan = stats::plan_of(correlator.sender_points, correlator.reflector_points);
  if (scenario_.one_clock()) statistics.clocks.kind = stats::ClockRelation::Kind::same_clock;
  statistics_.emplace(statistics);
}

void World::make_reflector() {
  ReflectorConfig config;
  config.stateful = scenario_.stateful;
  if (scenario_.authenticated) config.auth_key = key();
  config.rate.packets_per_second = 0;
  config.rate.max_sources = 4;
  config.max_sessions = 4;
  config.available = scenario_.reflector.points;
  config.multi_layer = !scenario_.foreign;
  config.entries.capacity = scenario_.reflector_entries;
  config.entries.hold = scenario_.hold;
  config.unique_timestamp_ids = scenario_.unique_timestamp_ids;
  constexpr std::size_t under_way = 1024;
  config.recent_sends = under_way;
  config.pending_hook_events = under_way;
  reflector_ = value_of(Reflector::make(std::move(config)));
}

void World::restart_reflector() {
  restarted_ns_ = events_.now_ns() + scenario_.restart_takes_ns;
  make_reflector();
  reflector_loop_.busy_until_ns = *restarted_ns_;
}

void World::run() {
  sender_->start({0});
  wake(sender_loop_, 0);
  events_.at(0, [this] { record_turn(); });
  if (scenario_.restart_at_ns >= 0) {
    events_.at(scenario_.restart_at_ns, [this] { restart_reflector(); });
  }
  for (std::uint64_t i = 0; !done_; ++i) {
    const bool more = events_.step();
    NETOBS_CHECK(more && i < most_events, "{} after {} events", scenario_.description(), i);
  }
  drain_observations();
  keep(correlator_->finish());
}

}  // namespace netobs::sim
