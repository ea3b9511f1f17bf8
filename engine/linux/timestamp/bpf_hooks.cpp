#include "linux/timestamp/bpf_hooks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "bpf/objects.hpp"
#include "linux/bpf/hook_clock.hpp"
#include "linux/os/netns.hpp"
#include "linux/timestamp/event_ring.hpp"
#include "linux/timestamp/tc_hooks.hpp"

namespace netobs {
namespace linux_bpf {
namespace {

static_assert(NETOBS_TC_EGRESS == index(Point::tc_egress));
static_assert(NETOBS_NET_DEV_START_XMIT == index(Point::net_dev_start_xmit));
static_assert(NETOBS_TC_INGRESS == index(Point::tc_ingress));
static_assert(NETOBS_SOCKET_DELIVERY == index(Point::socket_delivery));
static_assert(NETOBS_SKB_COPY_DATAGRAM_IOVEC == index(Point::skb_copy_datagram_iovec));
static_assert(NETOBS_POINTS <= point_count);

constexpr std::size_t batch_events = 256;
constexpr std::array trace_points{Point::net_dev_start_xmit, Point::skb_copy_datagram_iovec};

netobs_point abi_point(Point point) {
  return static_cast<netobs_point>(index(point));
}

/// Removes the filter it set. Owns a duplicate of the descriptor: the number of the original may
/// belong to something else by then.
class SocketFilter {
 public:
  static Result<SocketFilter> attach(int socket_fd, int program_fd) {
    os::Fd socket(::dup(socket_fd));
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_ATTACH_BPF, &program_fd,
                                sizeof(program_fd)) != 0) {
      return fail(bpf_error("attach the socket filter", errno, "CAP_BPF", ""));
    }
    return SocketFilter(std::move(socket));
  }
  SocketFilter(SocketFilter&&) = default;
  SocketFilter& operator=(SocketFilter&&) = delete;
  SocketFilter(const SocketFilter&) = delete;
  SocketFilter& operator=(const SocketFilter&) = delete;
  ~SocketFilter() {
    constexpr int ignored = 0;
    if (socket_) {
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof(ignored));
    }
  }

 private:
  explicit SocketFilter(os::Fd socket) : socket_(std::move(socket)) {}
  os::Fd socket_;
};

HookEvent to_event(const netobs_event& raw, HookClock& clock) {
  HookEvent event;
  event.ns = clock.to_realtime(static_cast<std::int64_t>(raw.ns));
  std::memcpy(event.peer.address.data(), raw.peer_address, sizeof(raw.peer_address));
  event.peer.port = raw.peer_port;
  const bool link_local = event.peer.address[0] == 0xfe && (event.peer.address[1] & 0xc0) == 0x80;
  if (link_local) event.peer.scope_id = raw.ifindex;
  event.sequence = raw.sequence;
  event.sender_sequence = raw.sender_sequence;
  event.ssid = raw.ssid;
  event.point = static_cast<Point>(raw.point);
  return event;
}

netobs_config config_of(const HookOptions& options, netobs_clock clock, std::uint32_t inode) {
  netobs_config config{};
  if (options.remote) {
    std::memcpy(config.remote_address, options.remote->address.data(),
                sizeof(config.remote_address));
    config.remote_port = options.remote->port;
    config.has_remote = 1;
  }
  config.netns_inode = inode;
  config.local_port = options.local_port;
  config.authenticated = options.authenticated ? 1 : 0;
  config.clock = static_cast<netobs_u8>(clock);
  return config;
}

Error without_btf(Point point) {
  return {.what = fmt::format("attach to the tracepoint {}", name(point)),
          .cause = "The kernel carries no BTF type information (/sys/kernel/btf/vmlinux).",
          .remedy = "Use a kernel built with CONFIG_DEBUG_INFO_BTF, or leave out the trace layer.",
          .exit = ExitCode::layer_missing};
}

class Hooks final : public BpfHookSource {
 public:
  Hooks(EventRing ring, HookClock clock) : ring_(std::move(ring)), clock_(std::move(clock)) {}

  void start(const HookOptions& options, const netobs_config& config, Refusals& refused) {
    if ((options.wanted & points_of(Layer::tc)).bits() != 0) {
      tc_ = TcHooks::start(options, config, ring_.maps(), refused);
      enabled_ = enabled_ | tc_.enabled();
    }
    if (options.wanted.has(Point::socket_delivery)) start_socket(options, config, refused);
    for (const auto point : trace_points) {
      if (!options.wanted.has(point)) continue;
      auto started = options.features.btf ? start_trace(point, config)
                                          : Result<void>(fail(without_btf(point)));
      if (started) {
        enabled_.add(point);
      } else {
        refused.emplace_back(point, started.error());
      }
    }
  }

  std::span<const HookEvent> poll() override {
    const std::size_t count = ring_.read(raw_);
    if (count > 0) clock_.look_for_step();
    for (std::size_t i = 0; i < count; ++i) events_[i] = to_event(raw_[i], clock_);
    return std::span(events_).first(count);
  }
  std::uint64_t dropped(Point point) const override { return ring_.dropped(abi_point(point)); }
  std::uint64_t losses() const override {
    std::uint64_t sum = 0;
    for (const auto& row : point_table) {
      if (enabled_.has(row.point)) sum += dropped(row.point);
    }
    return sum;
  }
  std::uint64_t merged(Point point) const override { return ring_.merged(abi_point(point)); }
  std::uint64_t unreadable(Point point) const override {
    return ring_.unreadable(abi_point(point));
  }
  PointSet points_enabled() const override { return enabled_; }

  std::string description() const override {
    std::vector<std::string> parts;
    if (auto tc = tc_.description(); !tc.empty()) parts.push_back(std::move(tc));
    if (!filters_.empty())
      parts.push_back(fmt::format("socket filter on {} socket(s)", filters_.size()));
    std::vector<std::string_view> traced;
    for (const auto point : trace_points) {
      if (enabled_.has(point)) traced.push_back(name(point));
    }
    if (!traced.empty()) parts.push_back(fmt::format("tracepoints {}", fmt::join(traced, ", ")));
    parts.push_back(clock_.description());
    return fmt::format("{}", fmt::join(parts, "; "));
  }

 private:
  void start_socket(const HookOptions& options, const netobs_config& config, Refusals& refused) {
    const std::array programs{name(Point::socket_delivery)};
    auto object = BpfObject::load(bpf::socket_object(), config, ring_.maps(), programs, "CAP_BPF");
    if (!object) {
      refused.emplace_back(Point::socket_delivery, object.error());
      return;
    }
    for (const int socket : options.socket_fds) {
      auto filter = SocketFilter::attach(socket, object->program_fd(programs[0]));
      if (filter) {
        filters_.push_back(std::move(*filter));
        enabled_.add(Point::socket_delivery);
      } else {
        refused.emplace_back(Point::socket_delivery, filter.error());
      }
    }
    if (options.socket_fds.empty()) {
      refused.emplace_back(Point::socket_delivery, Error{.what = "attach the socket filter",
                                                         .cause = "No socket was given.",
                                                         .remedy = "",
                                                         .exit = ExitCode::layer_missing});
    }
  }

  Result<void> start_trace(Point point, const netobs_config& config) {
    const std::array programs{name(point)};
    auto object = BpfObject::load(bpf::trace_object(), config, ring_.maps(), programs,
                                  "CAP_BPF and CAP_PERFMON");
    if (!object) {
      const bool btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
      const bool denied = object.error().sys_errno == EPERM;
      return fail(btf || denied ? object.error() : without_btf(point));
    }
    NETOBS_TRY(link, object->attach(programs[0]));
    links_.push_back(std::move(link));
    return {};
  }

  EventRing ring_;
  HookClock clock_;
  PointSet enabled_;
  TcHooks tc_;
  std::vector<SocketFilter> filters_;
  std::vector<Link> links_;
  std::array<netobs_event, batch_events> raw_{};
  std::array<HookEvent, batch_events> events_{};
};

/// What the whole layer needs, so that the reader need not find out one capability at a time.
std::string_view capabilities(Layer layer) {
  if (layer == Layer::tc) return "CAP_BPF and CAP_NET_ADMIN";
  if (layer == Layer::trace) return "CAP_BPF and CAP_PERFMON";
  return "CAP_BPF";
}

void refuse_all(PointSet points, const Error& error, Refusals& refused) {
  for (const auto& row : point_table) {
    if (!points.has(row.point)) continue;
    const bool denied = error.sys_errno == EPERM || error.sys_errno == EACCES;
    refused.emplace_back(
        row.point,
        denied ? bpf_error(error.what, error.sys_errno, capabilities(row.layer), "") : error);
  }
}

}  // namespace
}  // namespace linux_bpf

HookStart start_hooks(const HookOptions& options) {
  HookStart start;
  HookOptions ours = options;
  ours.wanted = options.wanted & bpf_points;
  if (ours.wanted.bits() == 0) return start;
  auto ring = linux_bpf::EventRing::make(ours.ring_bytes);
  auto network = os::NetworkNamespace::current();
  if (!ring || !network) {
    linux_bpf::refuse_all(ours.wanted, ring ? network.error() : ring.error(), start.refused);
    return start;
  }
  const auto clock = linux_bpf::HookClock::make(ours.features.tai_clock);
  auto hooks = std::make_unique<linux_bpf::Hooks>(std::move(*ring), clock);
  hooks->start(ours, linux_bpf::config_of(ours, clock.kind(), network->inode()), start.refused);
  if (hooks->points_enabled().bits() != 0) start.source = std::move(hooks);
  return start;
}

}  // namespace netobs
