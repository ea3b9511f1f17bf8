#include "app/reflector_loop.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "app/features.hpp"
#include "app/session_setup.hpp"
#include "core/session/disguise.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/interface.hpp"

namespace netobs::app {
namespace {

constexpr Duration longest_wait = std::chrono::milliseconds(100);
constexpr Duration clock_interval = std::chrono::seconds(1);
constexpr std::size_t max_datagram_bytes = 9216;
constexpr Duration nic_look_interval = std::chrono::milliseconds(250);
/// HookSource::losses() may lag, and so may the other half of a packet's events.
constexpr Duration hook_losses_lag = std::chrono::milliseconds(20);
/// So many datagrams without a receive time of the NIC, and its filter is not one for them.
constexpr unsigned unstamped_limit = 8;

Result<std::vector<std::string>> interface_names(const ReflectorOptions& options) {
  if (!options.interface.empty()) return std::vector{options.interface};
  if (!options.listen.is_unspecified()) {
    if (auto name = os::interface_holding(options.listen)) return std::vector{std::move(*name)};
  }
  return os::interfaces_up();
}

/// Each NIC has a clock of its own, and a datagram's timestamp does not say whose it is.
Result<std::string> interface_with_clock(const ReflectorOptions& options) {
  NETOBS_TRY(names, interface_names(options));
  std::vector<std::string> with_clock;
  for (const auto& name : names) {
    NETOBS_TRY(facts, os::interface_facts(name));
    if (facts.has_phc) with_clock.push_back(name);
  }
  if (with_clock.empty()) {
    return fail({.what = "no interface that it listens on has a hardware clock",
                 .cause = "",
                 .remedy = "`ethtool -T INTERFACE` shows what one can stamp."});
  }
  if (with_clock.size() > 1) {
    return fail({.what = fmt::format("{} have hardware clocks", fmt::join(with_clock, ", ")),
                 .cause = "Times of several clocks cannot be told apart.",
                 .remedy = "Name one with --interface."});
  }
  return with_clock.front();
}

Result<HookWish> hook_wish(const ReflectorOptions& options, const LinuxTransport& transport,
                           const HookFeatures& features) {
  HookWish wish;
  wish.wanted = options.layers.points() & transport.points_on_path();
  NETOBS_TRY(names, interface_names(options));
  wish.interfaces = names;
  wish.local_port = transport.local().port;
  wish.authenticated = !options.auth_key.empty();
  wish.socket_fd = transport.socket_fd();
  wish.features = features;
  return wish;
}

/// In disguise both ends have one port, and a captured packet's way cannot be told by it.
bool can_capture(const ReflectorOptions& options, const LinuxTransport& transport) {
  return transport.points_on_path().has(Point::pcap_rx) && !options.nic.ptp_disguise &&
         !options.answer_own_port;
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
  config.stamp_hardware = points.has(Point::tx_hardware);
  config.stamp_sampling = options.nic.sampling;
  if (options.nic.ptp_disguise) {
    config.first_sequence = disguised_first_sequence;
    config.answer_own_port = true;  // both ends have the port of PTP event messages
  }
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

std::string nic_text(const NicSide& nic) {
  const auto& report = nic.report();
  auto text = fmt::format("{}: rx_filter {}, tx_type {}", report.interface, report.rx_filter,
                          report.tx_type);
  if (!report.changed.empty()) text += fmt::format(" (changed: {})", report.changed);
  if (nic.has_clock()) return fmt::format("{}, clock by {}", text, nic.method());
  const auto& refused = nic.clock_refused();
  return fmt::format("{}; its clock cannot be compared with the host's: {}", text,
                     refused ? refused->message() : "");
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
  for (auto& sentence : nic::restore_leftovers())
    loop.state_.remarks.push_back(std::move(sentence));
  transport.points = options.layers.points().without(points_of(Layer::nic));
  if (auto opened = loop.open_nic(options); !opened) {
    // First, so that it is the reason given where the layer was asked for by name.
    loop.state_.refused.push_back(fmt::format("nic: {}", opened.error().message()));
  }
  if (loop.nic_) transport.points = transport.points | loop.nic_->points();
  transport.max_datagram_bytes = max_datagram_bytes;
  transport.features = features.transport;
  transport.af_xdp = options.af_xdp;
  transport.af_xdp.tai_clock = features.hooks.tai_clock;
  transport.busy_poll_us = options.busy_poll_us;
  NETOBS_TRY(opened, make_transport(options.transport, transport));
  for (const auto& row : point_table) {
    if (const auto refused = opened->refused(row.point)) {
      loop.state_.refused.push_back(fmt::format("{}: {}", row.name, refused->message()));
    }
  }
  loop.transport_ =
      options.wrap_transport ? options.wrap_transport(std::move(opened)) : std::move(opened);
  NETOBS_TRY(wish, hook_wish(options, *loop.transport_, features.hooks));
  if (!can_capture(options, *loop.transport_)) {
    wish.wanted = wish.wanted.without(points_of(Layer::pcap));
  } else if (options.layers.automatic && !options.layers.wants(Layer::pcap)) {
    loop.capture_.emplace(wish);
  }
  NETOBS_TRY(hooks, open_hooks(wish));
  loop.hooks_ = hooks.hooks ? std::move(hooks.hooks) : std::make_unique<HookSet>();

  loop.state_.local = loop.transport_->local();
  loop.state_.transport = loop.transport_->description();
  loop.state_.hooks = loop.hooks_->empty() ? "none" : loop.hooks_->description();
  loop.state_.on_path = loop.transport_->points_on_path();
  loop.state_.points = points_of(Layer::app) | loop.transport_->points_enabled();
  loop.state_.points = loop.state_.points | loop.hooks_->points_enabled();
  for (const auto& [point, error] : hooks.refused) {
    loop.state_.refused.push_back(fmt::format("{}: {}", name(point), error.message()));
  }
  NETOBS_TRY_VOID(check_required(options, loop.state_));
  auto config = reflector_config(options, *loop.transport_, loop.state_.points);
  config.nic_converted = loop.nic_ && loop.nic_->has_clock();
  NETOBS_TRY(reflector, Reflector::make(std::move(config)));
  loop.reflector_ = std::move(reflector);
  if (loop.nic_) {
    loop.nic_->settle();
    for (const auto& look : loop.nic_->first_looks()) loop.reflector_->on_nic_clock(look);
    loop.state_.nic = nic_text(*loop.nic_);
    for (const auto& remark : loop.nic_->report().remarks) loop.state_.remarks.push_back(remark);
  }
  return loop;
}

Result<void> ReflectorLoop::open_nic(const ReflectorOptions& options) {
  if (!options.layers.wants(Layer::nic)) return {};
  NETOBS_TRY(interface, interface_with_clock(options));
  NETOBS_TRY(facts, os::interface_facts(interface));
  NETOBS_TRY(opened, NicSide::open(interface, points_of(Layer::nic), options.nic));
  nic_interface_index_ = facts.index;
  nic_.emplace(std::move(opened));
  return {};
}

/// Between packets where it can: a look takes microseconds.
void ReflectorLoop::follow_nic_clock(MonotonicTime now) {
  if (!nic_ || now < nic_look_due_) return;
  nic_look_due_ = now + nic_look_interval;
  if (const auto look = nic_->look()) reflector_->on_nic_clock(*look);
}

/// A filter that has once given a time is the right one: what comes without is a stranger's packet
/// that it does not match, or one that did not come by this NIC.
void ReflectorLoop::watch_filter(std::span<const RxDatagram> datagrams) {
  if (!nic_ || filter_delivers_ || unstamped_ >= unstamped_limit) return;
  for (const auto& datagram : datagrams) {
    if (datagram.rx_hardware_ns) {
      filter_delivers_ = true;
      return;
    }
    const bool elsewhere =
        datagram.interface_index != 0 && datagram.interface_index != nic_interface_index_;
    if (!elsewhere) ++unstamped_;
  }
  if (unstamped_ < unstamped_limit) return;
  const auto next = nic_->try_next_filter();
  if (next && *next) unstamped_ = 0;
}

void ReflectorLoop::run(const std::atomic<bool>& stop) {
  while (!stop.load(std::memory_order_relaxed)) {
    const auto started = os::monotonic_now();
    const auto events = transport_->poll(started + longest_wait, wait_);
    const auto now = os::monotonic_now();
    if (!events.datagrams.empty()) {
      answer(events.datagrams, now);
      watch_filter(events.datagrams);
    }
    // After the replies have left, before the next ones tell of them.
    look_for_clock_step();
    for (const auto& failure : events.send_failures) reflector_->on_send_failure(failure);
    for (const auto& timestamp : events.tx_timestamps) {
      reflector_->on_tx_timestamp(timestamp.id, timestamp.point, timestamp.ns);
    }
    take_hook_events();
    follow_capture(now);
    follow_clock(now);
    follow_nic_clock(now);
  }
}

void ReflectorLoop::follow_capture(MonotonicTime now) {
  if (!capture_) return;
  const auto requested = reflector_->take_requested() & points_of(Layer::pcap);
  if (capture_->follow(requested != PointSet{}, now, *hooks_)) {
    reflector_->set_available(points_of(Layer::app) | transport_->points_enabled() |
                              hooks_->points_enabled());
  }
}

ReflectorCounters ReflectorLoop::counters() const {
  auto counters = reflector_->counters();
  if (nic_) counters.skipped_by_nic = nic_->tx_skipped().value_or(0);
  return counters;
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
      slot.hardware_stamp = reply->hardware_stamp;
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
  for (int batch = 0; batch < most_batches; ++batch) {
    const auto events = hooks_->poll();
    if (events.empty()) break;
    for (const auto& event : events) reflector_->on_hook_event(event);
  }
  const auto losses = hooks_->losses();
  // Fewer: a capture has been closed.
  if (std::exchange(hook_losses_, losses) < losses) {
    reflector_->on_hook_events_lost(turn_began_ns_ - hook_losses_lag.count(),
                                    os::realtime_now().ns);
  }
  reflector_->events_drained();
}

void ReflectorLoop::look_for_clock_step() {
  const auto read = os::bracketed_read();
  turn_began_ns_ = std::exchange(last_look_ns_, read.realtime.ns);
  if (step_detector_.feed(read.before, read.realtime, read.after)) reflector_->on_clock_step();
}

void ReflectorLoop::follow_clock(MonotonicTime now) {
  if (now < clock_due_) return;
  clock_due_ = now + clock_interval;
  reflector_->set_error_estimate(current_error_estimate());
  reflector_->expire(now);
}

}  // namespace netobs::app
