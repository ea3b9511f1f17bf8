// The hot path from end to end: one probe through sender, transport, reflector, transport, sender,
// over loopback and in one thread, so that it is work that is timed and no wake-up. Beside it, the
// same octets there and back through two plain sockets. What each layer adds to a round trip
// between two hosts, BPF included, is measured by `netobs selftest --cost`.

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <vector>

#include "core/base/check.hpp"
#include "core/session/reflector.hpp"
#include "core/session/sender.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/fd.hpp"
#include "linux/os/socket.hpp"
#include "linux/transport/udp_transport.hpp"
#include "micro/host_units.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

constexpr Duration patience = std::chrono::seconds(1);
constexpr unsigned reports_per_reply = 2;
const Endpoint loopback = Endpoint::v4({127, 0, 0, 1}, 0);

struct PointChoice {
  std::string_view name;
  PointSet points;
};

std::array<PointChoice, 3> point_choices() {
  PointSet receive;
  receive.add(Point::rx_software);
  PointSet kernel = receive;
  kernel.add(Point::tx_sched);
  kernel.add(Point::tx_software);
  return {{{"app", {}}, {"rx_software", receive}, {"kernel", kernel}}};
}

std::uint32_t probe_bytes() {
  return probe_size_for(wire::Mode::unauthenticated,
                        points_of(Layer::app) | points_of(Layer::kernel), reports_per_reply);
}

class HotPath {
 public:
  [[nodiscard]] static Result<std::unique_ptr<HotPath>> make(std::string_view transport,
                                                             PointSet kernel_points) {
    auto path = std::unique_ptr<HotPath>(new HotPath);
    NETOBS_TRY_VOID(path->open_transports(transport, kernel_points));
    NETOBS_TRY_VOID(path->open_session(points_of(Layer::app) | kernel_points));
    return path;
  }

  /// One probe, there and back. False when it did not come back in time.
  [[nodiscard]] bool round_trip() {
    const auto now = os::monotonic_now();
    if (sender_->next(now).step != Sender::Step::send) return false;
    const auto slots = near_->acquire(1);
    if (slots.empty()) return false;
    sender_->prepare_probe(*slots[0], now);
    sender_->stamp_probe(*slots[0], os::realtime_now());
    near_->submit(1);
    sender_->submitted();
    const bool back = answer(now + patience) && await_reply(now + patience);
    while (observations_.pop(taken_) == taken_.size()) {
    }
    return back;
  }

  [[nodiscard]] std::uint64_t timestamps() const { return timestamps_; }
  [[nodiscard]] std::string description() const { return near_->description(); }

 private:
  HotPath() = default;

  [[nodiscard]] Result<void> open_transports(std::string_view transport, PointSet points) {
    TransportOptions options;
    options.points = points;
    options.local = loopback;
    NETOBS_TRY(far, make_transport(transport, options));
    far_ = std::move(far);
    options.local = {};
    options.remote = far_->local();
    NETOBS_TRY(near, make_transport(transport, options));
    near_ = std::move(near);
    return {};
  }

  [[nodiscard]] Result<void> open_session(PointSet points) {
    SenderConfig sender;
    sender.schedule.kind = ScheduleKind::ping_pong;
    sender.size_bytes = probe_bytes();
    sender.reflector_points = points;
    sender.remote = far_->local();
    NETOBS_TRY(made_sender, Sender::make(sender, observations_));
    sender_ = std::make_unique<Sender>(std::move(made_sender));
    sender_->start(os::monotonic_now());
    ReflectorConfig reflector;
    reflector.rate.packets_per_second = 0;
    reflector.own_port = far_->local().port;
    reflector.available = points;
    reflector.on_path = far_->points_on_path();
    reflector.unique_timestamp_ids = far_->ids_are_free();
    NETOBS_TRY(made_reflector, Reflector::make(reflector));
    reflector_ = std::move(made_reflector);
    return {};
  }

  /// As the reflector's loop does, until a probe has been answered.
  bool answer(MonotonicTime until) {
    bool answered = false;
    while (!answered) {
      const auto events = far_->poll(until, WaitMode::spin);
      if (events.empty()) return false;
      const auto now = os::monotonic_now();
      for (const auto& datagram : events.datagrams) answered = reply_to(datagram, now);
      for (const auto& timestamp : events.tx_timestamps) {
        reflector_->on_tx_timestamp(timestamp.id, timestamp.point, timestamp.ns);
      }
      reflector_->events_drained();
    }
    return true;
  }

  bool reply_to(const RxDatagram& datagram, MonotonicTime now) {
    const auto slots = far_->acquire(1);
    if (slots.empty()) return false;
    TxSlot& slot = *slots[0];
    const auto reply = reflector_->on_datagram(datagram, now, slot.buffer);
    if (!reply) return false;
    slot.size = reply->size;
    slot.peer = reply->peer;
    slot.local = reply->local;
    slot.timestamp_id = reply->timestamp_id;
    reflector_->stamp_t3(reply->key, slot.buffer.first(slot.size), os::realtime_now().ns);
    far_->submit(1);
    return true;
  }

  /// As the sender's loop does, until the reply has come.
  bool await_reply(MonotonicTime until) {
    const auto before = sender_->counters().replies;
    while (sender_->counters().replies == before) {
      const auto events = near_->poll(until, WaitMode::spin);
      if (events.empty()) return false;
      const auto now = os::monotonic_now();
      for (const auto& datagram : events.datagrams) {
        if (datagram.rx_software_ns) ++timestamps_;
        sender_->on_datagram(datagram, now);
      }
      for (const auto& timestamp : events.tx_timestamps) sender_->on_tx_timestamp(timestamp);
      timestamps_ += events.tx_timestamps.size();
    }
    return true;
  }

  ObservationQueue observations_{1U << 12U};
  std::vector<Observation> taken_ = std::vector<Observation>(256);
  std::unique_ptr<LinuxTransport> near_;
  std::unique_ptr<LinuxTransport> far_;
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Reflector> reflector_;
  std::uint64_t timestamps_ = 0;  // of the kernel, on the sender
};

void hot_path(benchmark::State& state, std::string_view transport, const PointChoice& choice) {
  auto path = HotPath::make(transport, choice.points);
  if (!path) return state.SkipWithError(path.error().message().c_str());
  for ([[maybe_unused]] auto _ : state) {
    if (!(*path)->round_trip()) {
      state.SkipWithError("a probe did not come back");
      break;
    }
  }
  state.SetLabel((*path)->description());
  state.counters["kernel_timestamps"] = benchmark::Counter(
      static_cast<double>((*path)->timestamps()), benchmark::Counter::kAvgIterations);
  count_items(state, 1);
}

/// A bound UDP socket on loopback; -1 in it when there is none to be had.
os::Fd plain_socket() {
  os::Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto address = os::to_socket_address(loopback, AF_INET);
  if (fd && ::bind(fd.get(), address.get(), address.size_bytes) != 0) fd.reset();
  return fd;
}

bool connect_to(const os::Fd& fd, const os::Fd& other) {
  const auto there = os::bound_endpoint(other.get());
  if (!there) return false;
  const auto address = os::to_socket_address(*there, AF_INET);
  return ::connect(fd.get(), address.get(), address.size_bytes) == 0;
}

bool pass_on(const os::Fd& from, const os::Fd& to, std::span<std::byte> packet) {
  return ::send(from.get(), packet.data(), packet.size(), 0) == std::ssize(packet) &&
         ::recv(to.get(), packet.data(), packet.size(), 0) == std::ssize(packet);
}

void plain_sockets(benchmark::State& state) {
  const auto near = plain_socket();
  const auto far = plain_socket();
  if (!near || !far || !connect_to(near, far) || !connect_to(far, near)) {
    return state.SkipWithError("no UDP sockets on 127.0.0.1");
  }
  std::vector<std::byte> packet(probe_bytes());
  for ([[maybe_unused]] auto _ : state) {
    if (!pass_on(near, far, packet) || !pass_on(far, near, packet)) {
      state.SkipWithError("a packet did not come back");
      break;
    }
  }
  count_items(state, 1);
}

}  // namespace

void register_hot_path() {
  benchmark::RegisterBenchmark("hot_path/plain_sockets", plain_sockets);
  for (const std::string_view transport : {"syscall", "io_uring"}) {
    for (const auto& choice : point_choices()) {
      benchmark::RegisterBenchmark(
          fmt::format("hot_path/{}/{}", transport, choice.name).c_str(),
          [transport, choice](benchmark::State& state) { hot_path(state, transport, choice); });
    }
  }
}

}  // namespace netobs::micro
