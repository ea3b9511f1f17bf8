#include "linux/lab/relay.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <span>
#include <thread>
#include <utility>

#include "core/capture/probe_frame.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/fd.hpp"
#include "linux/os/socket.hpp"
#include "linux/os/tuning.hpp"

namespace netobs::lab {
namespace {

constexpr std::size_t largest_frame_bytes = 2048;
/// The end of a hold is spun: a timer would be late by a wake-up.
constexpr std::int64_t spin_ns = 80'000;
constexpr int look_for_stop_ms = 20;

Result<os::Fd> open_tap(const std::string& interface) {
  os::Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail({.what = "open a packet socket on " + interface,
                 .sys_errno = errno,
                 .cause = "It needs CAP_NET_RAW.",
                 .remedy = "Run it with sudo."});
  }
  NETOBS_TRY_VOID(os::set_option(fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS"));
  return fd;
}

struct Frame {
  std::array<std::byte, largest_frame_bytes> storage;
  std::size_t size = 0;
  std::int64_t arrived_ns = 0;
  [[nodiscard]] std::span<const std::byte> bytes() const { return std::span(storage).first(size); }
};

/// The next frame that somebody else sent to this interface; false when there is none.
bool receive(int fd, Frame& frame) {
  while (true) {
    sockaddr_ll from{};
    iovec piece{.iov_base = frame.storage.data(), .iov_len = frame.storage.size()};
    alignas(cmsghdr) std::array<char, 128> control{};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto size = ::recvmsg(fd, &message, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    if (from.sll_pkttype == PACKET_OUTGOING || (message.msg_flags & MSG_TRUNC) != 0) continue;
    frame.size = static_cast<std::size_t>(size);
    frame.arrived_ns = os::realtime_now().ns;
    for (auto* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
      timespec time{};
      std::memcpy(&time, CMSG_DATA(c), sizeof time);
      frame.arrived_ns = time.tv_sec * 1'000'000'000LL + time.tv_nsec;
    }
    return true;
  }
}

/// Until `hold` after an arrival by CLOCK_REALTIME; never longer than `hold`, however that clock is
/// set meanwhile.
void wait_out(Duration hold, std::int64_t arrived_ns) {
  const auto passed = Duration(os::realtime_now().ns - arrived_ns);
  const auto left = std::min(hold - passed, hold);
  const auto end = os::monotonic_now() + left;
  if (left.count() > spin_ns) {
    const auto sleep_ns = left.count() - spin_ns;
    const timespec pause{.tv_sec = sleep_ns / 1'000'000'000, .tv_nsec = sleep_ns % 1'000'000'000};
    (void)::nanosleep(&pause, nullptr);
  }
  while (os::monotonic_now() < end) {
  }
}

/// One direction: from the interface where frames arrive to the one where they leave.
class Lane {
 public:
  Lane(int in, int out) : in_(in), out_(out) {}

  /// Carries out what has arrived.
  void serve(const RelayPlan& plan, std::uint16_t port, std::vector<RelayEntry>& log) {
    while (receive(in_, frame_)) {
      const auto probe = capture::read_probe_frame(frame_.bytes(), port);
      if (!probe) {
        send(frame_);
        continue;
      }
      const RelayOrder order = plan(probe->reply, probe->sender_sequence);
      RelayEntry entry{.reply = probe->reply,
                       .sender_sequence = probe->sender_sequence,
                       .act = order.act,
                       .arrived_ns = frame_.arrived_ns};
      if (order.hold > Duration::zero()) wait_out(order.hold, frame_.arrived_ns);
      carry_out(order.act, entry);
      if (log.size() < log.capacity()) log.push_back(entry);
    }
  }

 private:
  void carry_out(RelayAct act, RelayEntry& entry) {
    if (act == RelayAct::drop) return;
    if (act == RelayAct::let_next_first && !kept_) {
      kept_ = frame_;
      return;
    }
    entry.left_ns = os::realtime_now().ns;
    send(frame_);
    if (act == RelayAct::duplicate) send(frame_);
    if (kept_) {
      send(*kept_);
      kept_.reset();
    }
  }
  void send(const Frame& frame) const {
    // What the kernel refuses is lost, as in a network; the log shows when it was tried.
    (void)::send(out_, frame.storage.data(), frame.size, 0);
  }

  int in_;
  int out_;
  Frame frame_;
  std::optional<Frame> kept_;
};

}  // namespace

struct Relay::Shared {
  Options options;
  RelayPlan plan;
  os::Fd sender_side;
  os::Fd reflector_side;
  std::vector<RelayEntry> log;
  std::atomic<bool> stop{false};
  std::thread thread;

  void run() {
    if (options.cpu) (void)os::pin_thread_to_cpu(*options.cpu);
    (void)os::set_timer_slack_ns(1);
    Lane out(sender_side.get(), reflector_side.get());
    Lane back(reflector_side.get(), sender_side.get());
    std::array<pollfd, 2> waits{
        {{sender_side.get(), POLLIN, 0}, {reflector_side.get(), POLLIN, 0}}};
    while (!stop.load(std::memory_order_relaxed)) {
      (void)::poll(waits.data(), waits.size(), look_for_stop_ms);
      out.serve(plan, options.reflector_port, log);
      back.serve(plan, options.reflector_port, log);
    }
  }
};

Relay::Relay(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}
Relay::Relay(Relay&&) noexcept = default;
Relay::~Relay() {
  if (shared_) (void)stop();
}

std::vector<RelayEntry> Relay::stop() {
  if (shared_->thread.joinable()) {
    shared_->stop.store(true, std::memory_order_relaxed);
    shared_->thread.join();
  }
  return std::move(shared_->log);
}

Result<Relay> Relay::start(const os::NetworkNamespace& where, Options options, RelayPlan plan) {
  auto shared = std::make_unique<Shared>();
  {
    NETOBS_TRY(scope, os::NamespaceScope::enter(where));
    (void)scope;
    NETOBS_TRY(sender_side, open_tap(options.towards_sender));
    NETOBS_TRY(reflector_side, open_tap(options.towards_reflector));
    shared->sender_side = std::move(sender_side);
    shared->reflector_side = std::move(reflector_side);
  }
  shared->log.reserve(options.most_entries);
  shared->options = std::move(options);
  shared->plan = std::move(plan);
  shared->thread = std::thread([state = shared.get()] { state->run(); });
  return Relay(std::move(shared));
}

}  // namespace netobs::lab
