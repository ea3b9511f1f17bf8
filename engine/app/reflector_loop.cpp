#include "app/reflector_loop.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>

#include "app/features.hpp"
#include "app/session_setup.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/interface.hpp"

namespace netobs::app {
namespace {

constexpr Duration longest_wait = std::chrono::milliseconds(100);
constexpr Duration clock_interval = std::chrono::seconds(1);
constexpr std::size_t max_datagram_bytes = 9216;

Result<std::vector<std::string>> interface_names(const ReflectorOptions& options) {
  if (!options.interface.empty()) return std::vector{options.interface};
  if (!options.listen.is_unspecified()) {
    if (auto name = os::interface_holding(options.listen)) return std::vector{std::move(*name)};
  }
  return os::interfaces_up();
}

Result<std::vector<int>> interface_indexes(const ReflectorOptions& options) {
  NETOBS_TRY(names, interface_names(options));
  std::vector<int> indexes;
  for (const auto& name : names) {
    NETOBS_TRY(facts, os::interface_facts(name));
    indexes.push_back(facts.index);
  }
  return indexes;
}

Result<HookStart> open_hooks(const ReflectorOptions& options, const LinuxTransport& transport,
                             const HookFeatures& features) {
  HookOptions hooks;
  hooks.wanted = options.layers.points() & hook_points & transport.points_on_path();
  if (hooks.wanted == PointSet{}) return HookStart{};
  NETOBS_TRY(indexes, interface_indexes(options));
  hooks.interfaces = indexes;
  hooks.local_port = transport.local().port;
  hooks.authenticated = !options.auth_key.empty();
  hooks.socket_fds = {transport.socket_fd()};
  hooks.features = features;
  return start_hooks(hooks);
}

ReflectorConfig reflector_config(const ReflectorOptions& options, const LinuxTransport& transport,
                                 PointSet points) {
  ReflectorConfig config;
  config.stateful = options.stateful;
  if (!options.auth_key.empty()) {
    const auto bytes = std::as_bytes(std::span(options.auth_key));
    config.auth_key.emplace(bytes.begin(), bytes.end());
  }
  config.allow = options.allow;
  config.rate = options.rate;
  config.max_sessions = options.max_sessions;
  config.own_port = transport.local().port;
  config.answer_own_port = options.answer_own_port;
  config.available = points;
  config.on_path = transport.points_on_path();
  config.clock_identity = own_clock_identity();
  config.error_estimate = current_error_estimate();
  config.unique_timestamp_ids = transport.ids_are_free();
  // A fixed seed would let strangers aim at one bucket; without entropy that is all that is lost.
  (void)::getrandom(&config.hash_seed, sizeof config.hash_seed, 0);
  return config;
}

Result<void> check_required(const ReflectorOptions& options, const ReflectorState& state) {
  for (const auto& row : point_table) {
    if (!options.layers.requires_layer(row.layer) || state.points.has(row.point)) continue;
    if (!state.on_path.has(row.point)) continue;
    return fail({.what = fmt::format("the layer {} was asked for, but {} cannot be measured here",
                                     name(row.layer), row.name),
                 .cause = state.refused.empty() ? "" : state.refused.front(),
                 .remedy = "`netobs doctor` says what is missing; --layers auto does without.",
                 .exit = ExitCode::layer_missing});
  }
  return {};
}

}  // namespace

wire::ErrorEstimate current_error_estimate() {
  const auto discipline = os::read_time_discipline();
  if (!discipline) return wire::ErrorEstimate::from_bound_ns(1'000'000'000, false);
  return wire::ErrorEstimate::from_bound_ns(discipline->max_error_ns, discipline->synchronised);
}

Result<ReflectorLoop> ReflectorLoop::make(const ReflectorOptions& options) {
  NETOBS_TRY(features, features_without(options.disabled.names));
  ReflectorLoop loop;
  loop.wait_ = options.wait;
  TransportOptions transport;
  transport.local = options.listen;
  transport.interface = options.interface;
  transport.points = options.layers.points();
  transport.points.remove(Point::tx_hardware);
  transport.points.remove(Point::rx_hardware);
  transport.max_datagram_bytes = max_datagram_bytes;
  transport.features = features.transport;
  transport.af_xdp = options.af_xdp;
  transport.af_xdp.tai_clock = features.hooks.tai_clock;
  transport.busy_poll_us = options.busy_poll_us;
  NETOBS_TRY(opened, make_transport(options.transport, transport));
  loop.transport_ =
      options.wrap_transport ? options.wrap_transport(std::move(opened)) : std::move(opened);
  NETOBS_TRY(hooks, open_hooks(options, *loop.transport_, features.hooks));
  loop.hooks_ = std::move(hooks.source);

  loop.state_.local = loop.transport_->local();
  loop.state_.transport = loop.transport_->description();
  loop.state_.hooks = loop.hooks_ ? loop.hooks_->description() : "none";
  loop.state_.on_path = loop.transport_->points_on_path();
  loop.state_.points = points_of(Layer::app) | loop.transport_->points_enabled();
  if (loop.hooks_) loop.state_.points = loop.state_.points | loop.hooks_->points_enabled();
  for (const auto& [point, error] : hooks.refused) {
    loop.state_.refused.push_back(fmt::format("{}: {}", name(point), error.message()));
  }
  NETOBS_TRY_VOID(check_required(options, loop.state_));
  NETOBS_TRY(reflector,
             Reflector::make(reflector_config(options, *loop.transport_, loop.state_.points)));
  loop.reflector_ = std::move(reflector);
  return loop;
}

void ReflectorLoop::run(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_relaxed)) {
    const auto started = os::monotonic_now();
    const auto events = transport_->poll(started + longest_wait, wait_);
    const auto now = os::monotonic_now();
    if (!events.datagrams.empty()) answer(events.datagrams, now);
    // After the replies have left, before the next ones tell of them.
    look_for_clock_step();
    for (const auto& failure : events.send_failures) reflector_->on_send_failure(failure);
    for (const auto& timestamp : events.tx_timestamps) {
      reflector_->on_tx_timestamp(timestamp.id, timestamp.point, timestamp.ns);
    }
    take_hook_events();
    follow_clock(now);
  }
}

void ReflectorLoop::answer(std::span<const RxDatagram> datagrams, MonotonicTime now) {
  while (!datagrams.empty()) {
    const auto slots = transport_->acquire(datagrams.size());
    // Without a free slot the rest of the batch waits no longer: a reply that is late by a queue of
    // ours would be measured as the network's.
    if (slots.empty()) return;
    std::size_t used = 0;
    std::size_t taken = 0;
    for (const auto& datagram : datagrams.first(slots.size())) {
      ++taken;
      auto& slot = *slots[used];
      const auto reply = reflector_->on_datagram(datagram, now, slot.buffer);
      if (!reply) continue;
      slot.size = reply->size;
      slot.peer = reply->peer;
      slot.local = reply->local;
      slot.timestamp_id = reply->timestamp_id;
      reflector_->stamp_t3(reply->key, slot.buffer.first(slot.size), os::realtime_now().ns);
      ++used;
    }
    transport_->submit(used);
    datagrams = datagrams.subspan(taken);
  }
}

void ReflectorLoop::take_hook_events() {
  // A batch is bounded, and so is the number of batches: packets come first.
  constexpr int most_batches = 16;
  for (int batch = 0; hooks_ && batch < most_batches; ++batch) {
    const auto events = hooks_->poll();
    if (events.empty()) break;
    for (const auto& event : events) reflector_->on_hook_event(event);
  }
  reflector_->events_drained();
}

void ReflectorLoop::look_for_clock_step() {
  const auto read = os::bracketed_read();
  if (step_detector_.feed(read.before, read.realtime, read.after)) reflector_->on_clock_step();
}

void ReflectorLoop::follow_clock(MonotonicTime now) {
  if (now < clock_due_) return;
  clock_due_ = now + clock_interval;
  reflector_->set_error_estimate(current_error_estimate());
  reflector_->expire(now);
}

}  // namespace netobs::app
