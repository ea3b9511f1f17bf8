#include "linux/capture/capture_hooks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "linux/os/clock.hpp"
#include "linux/os/interface.hpp"

namespace netobs {
namespace {

constexpr std::size_t batch_events = 256;
constexpr Duration look_interval = std::chrono::microseconds(200);
constexpr Duration losses_interval = std::chrono::milliseconds(5);  // each is a system call per tap
constexpr std::size_t buffer_bytes = std::size_t{8} << 20U;
/// Frames in the kernel's buffer have one size, that of the longest.
constexpr std::size_t whole_packets_buffer_bytes = std::size_t{32} << 20U;
constexpr std::uint32_t headers_only = 256;

struct Tap {
  std::string interface;
  LiveTap tap;
  capture::ProbeFilter filter;
  bool loopback = false;
};

class CaptureHooks : public HookSource {
 public:
  explicit CaptureHooks(std::function<void(const CapturedPacket&, const HookEvent&)> sink)
      : sink_(std::move(sink)) {}

  void add(Tap tap) {
    enabled_.add(Point::pcap_rx);
    if (!tap.loopback) enabled_.add(Point::pcap_tx);
    taps_.push_back(std::move(tap));
  }

  std::span<const HookEvent> poll() override {
    const auto now = os::monotonic_now();
    if (!more_ && now - looked_at_ < look_interval) return {};
    looked_at_ = now;
    if (now >= losses_due_) {
      losses_due_ = now + losses_interval;
      losses_ = dropped_by_taps();
    }
    std::size_t count = 0;
    for (auto& tap : taps_) count = take(tap, count);
    more_ = count == events_.size();
    return std::span(events_).first(count);
  }

  std::uint64_t dropped(Point point) const override {
    return enabled_.has(point) ? dropped_by_taps() : 0;
  }
  std::uint64_t losses() const override { return losses_; }
  PointSet points_enabled() const override { return enabled_; }
  std::string description() const override {
    std::vector<std::string_view> names;
    names.reserve(taps_.size());
    for (const auto& tap : taps_) names.emplace_back(tap.interface);
    return fmt::format("pcap on {}", fmt::join(names, ", "));
  }

 private:
  [[nodiscard]] std::uint64_t dropped_by_taps() const {
    std::uint64_t sum = 0;
    for (const auto& tap : taps_) sum += tap.tap.dropped();
    return sum;
  }

  std::size_t take(Tap& tap, std::size_t count) {
    while (count < events_.size()) {
      const auto packet = tap.tap.next();
      if (!packet) break;
      const auto datagram = capture::read_link_frame(packet->link, packet->bytes);
      if (!datagram) continue;
      auto event = capture::read_probe_event(*datagram, tap.filter);
      if (!event) continue;
      event->ns = packet->ns;
      if (sink_) sink_(*packet, *event);
      // On loopback everything is shown as it arrives: the other end's arrival, not our departure.
      if (tap.loopback && event->point == Point::pcap_tx) continue;
      events_[count++] = *event;
    }
    return count;
  }

  std::vector<Tap> taps_;
  PointSet enabled_;
  std::function<void(const CapturedPacket&, const HookEvent&)> sink_;
  MonotonicTime looked_at_;
  MonotonicTime losses_due_;
  std::uint64_t losses_ = 0;
  bool more_ = false;  // the last look ended because the batch was full
  std::array<HookEvent, batch_events> events_{};
};

std::string filter_text(const CaptureHookOptions& options) {
  auto ours = fmt::format("udp port {}", options.local_port);
  if (options.remote) {
    ours += fmt::format(" and udp port {} and host {}", options.remote->port,
                        options.remote->address_text());
  }
  return ours;
}

Result<Tap> open_tap(const std::string& name, const CaptureHookOptions& options) {
  NETOBS_TRY(facts, os::interface_facts(name));
  const bool whole_packets = options.snap_bytes > headers_only;
  NETOBS_TRY(
      tap, LiveTap::open({.interface = name,
                          .filter = filter_text(options),
                          .snap_bytes = options.snap_bytes,
                          .buffer_bytes = whole_packets ? whole_packets_buffer_bytes : buffer_bytes,
                          .tagged_too = true}));
  const capture::ProbeFilter filter{
      .local_port = options.local_port,
      .remote = options.remote,
      .mode = options.authenticated ? wire::Mode::authenticated : wire::Mode::unauthenticated,
      .interface_index = static_cast<std::uint32_t>(facts.index)};
  return Tap{name, std::move(tap), filter, facts.loopback};
}

}  // namespace

CaptureHookStart start_capture_hooks(const CaptureHookOptions& options) {
  CaptureHookStart start;
  auto source = std::make_unique<CaptureHooks>(options.sink);
  const auto refuse = [&](const Error& error) {
    for (const Point point : {Point::pcap_tx, Point::pcap_rx}) {
      start.refused.emplace_back(point, error);
    }
  };
  for (const auto& name : options.interfaces) {
    auto tap = open_tap(name, options);
    if (tap) {
      source->add(std::move(*tap));
    } else {
      refuse(tap.error());
    }
  }
  const auto enabled = source->points_enabled();
  if (enabled.has(Point::pcap_rx) && !enabled.has(Point::pcap_tx)) {
    start.refused.emplace_back(
        Point::pcap_tx, Error{.what = "a capture on loopback shows a packet once, as it arrives",
                              .cause = "",
                              .remedy = "Measure over another interface."});
  }
  if (enabled.has(Point::pcap_rx)) start.source = std::move(source);
  return start;
}

}  // namespace netobs
