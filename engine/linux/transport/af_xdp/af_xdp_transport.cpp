#include "linux/transport/af_xdp/af_xdp_transport.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <utility>

#include "core/wire/udp_frame.hpp"
#include "linux/bpf/hook_clock.hpp"
#include "linux/os/clock.hpp"
#include "linux/transport/af_xdp/af_xdp_link.hpp"
#include "linux/transport/af_xdp/af_xdp_setup.hpp"
#include "linux/transport/af_xdp/flow_table.hpp"
#include "linux/transport/af_xdp/xsk_metadata.hpp"
#include "linux/transport/error_queue.hpp"
#include "linux/transport/event_store.hpp"
#include "linux/transport/spin_clock.hpp"
#include "linux/transport/udp_socket.hpp"

namespace netobs {
namespace {

constexpr std::size_t receive_batch_limit = 64;
constexpr std::size_t unread_limit = 16384;
/// Before the payload: TX metadata, the longest header, and room that puts the payload on a cache
/// line.
constexpr std::size_t payload_offset = 128;
static_assert(payload_offset >= sizeof(xsk::TxMetadata) + wire::longest_frame_header);
/// XDP_PACKET_HEADROOM, which the kernel keeps in front of a received frame.
constexpr std::size_t receive_headroom = 256;
constexpr std::size_t longest_payload =
    xsk::frame_bytes - std::max(payload_offset, receive_headroom + wire::longest_frame_header);
/// A turn of a spin costs tens of nanoseconds, a look at the error queue a system call.
constexpr unsigned turns_per_look = 1024;
constexpr Duration housekeeping_interval = std::chrono::milliseconds(100);
/// Refused retries in a row, until the rest is left for the next poll.
constexpr int most_idle_kicks = 64;

bool is_link_local(const Endpoint& endpoint) {
  constexpr std::uint8_t prefix_mask = 0xc0;  // fe80::/10
  return endpoint.address[0] == 0xfe && (endpoint.address[1] & prefix_mask) == 0x80;
}

class AfXdpTransport final : public LinuxTransport {
 public:
  AfXdpTransport(AfXdpParts parts, const TransportOptions& options);

  std::span<TxSlot* const> acquire(std::size_t want) override;
  void submit(std::size_t count) override;
  TransportEvents poll(MonotonicTime until, WaitMode wait) override;

  PointSet points_on_path() const override { return af_xdp_path; }
  PointSet points_enabled() const override { return points_; }
  TransportLosses losses() const override;
  Endpoint local() const override { return control_.local; }
  std::string description() const override;
  int socket_fd() const override { return control_.fd.get(); }
  bool ids_are_free() const override { return true; }
  std::optional<Error> refused(Point point) const override;

 private:
  struct HeldFrame {
    std::size_t socket = 0;
    std::uint64_t address = 0;
  };

  xsk::Socket& sending_socket() { return link_.sockets.front(); }
  void unacquire();
  [[nodiscard]] int queue_one(std::uint32_t index);
  void flush();
  void refuse_unsent(int sys_errno);
  void reap(EventStore& events);
  void give_back_held();
  void receive();
  void take_frame(std::size_t socket, const xsk::ReceivedFrame& frame, std::int64_t app_rx_ns);
  void read_metadata(std::span<std::byte> metadata, RxDatagram& datagram);
  void look_at_errors();
  void drop_strays();
  void keep_house();
  void wake_receivers();
  void sleep_for(Duration left);

  UdpSocket control_;
  ErrorQueue errors_;
  AfXdpLink link_;
  FlowTable flows_;
  os::LinkWatch watch_;
  linux_bpf::HookClock clock_;
  const Flow* connected_;  // lives in flows_; null on a transport that answers anybody
  std::uint32_t scope_id_;
  std::size_t max_payload_;
  bool receive_ttl_;
  bool busy_poll_;
  PointSet points_;
  std::size_t slots_at_once_;

  std::vector<TxSlot> slots_;
  std::vector<std::uint8_t> starts_;  // of the frame in each send frame
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> acquired_;
  std::vector<TxSlot*> acquired_slots_;
  std::vector<HeldFrame> held_;
  std::vector<pollfd> poll_entries_;
  EventStore ready_;
  EventStore pending_;  // came up between two polls
  MonotonicTime now_;   // when the poll under way began
  MonotonicTime housekeeping_due_;
  bool refreshing_ = false;
  unsigned turns_without_look_ = 0;
  std::uint64_t unreadable_ = 0;
  std::uint64_t strays_ = 0;
};

AfXdpTransport::AfXdpTransport(AfXdpParts parts, const TransportOptions& options)
    : control_(std::move(parts.control)),
      errors_(control_),
      link_(std::move(parts.link)),
      flows_(std::move(parts.flows)),
      watch_(std::move(parts.watch)),
      clock_(std::move(parts.clock)),
      connected_(options.remote ? flows_.find(*options.remote, parts.source) : nullptr),
      scope_id_(parts.scope_id),
      max_payload_(std::min(options.max_datagram_bytes, longest_payload)),
      receive_ttl_(options.receive_ttl),
      busy_poll_(options.busy_poll_us > 0),
      points_(parts.points),
      slots_at_once_(options.tx_slots) {
  const auto count = parts.tx_frames;
  slots_.resize(count);
  starts_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    slots_[i].buffer = sending_socket().send_frame(i).subspan(payload_offset, max_payload_);
    free_.push_back(count - 1 - i);
  }
  acquired_.reserve(count);
  acquired_slots_.reserve(count);
  held_.reserve(receive_batch_limit * link_.sockets.size());
  for (const auto& socket : link_.sockets) {
    poll_entries_.push_back({.fd = socket.fd(), .events = POLLIN, .revents = 0});
  }
  // What it receives as a datagram is none of ours; only its errors shall wake us.
  poll_entries_.push_back({.fd = control_.fd.get(), .events = 0, .revents = 0});
}

void AfXdpTransport::unacquire() {
  free_.insert(free_.end(), acquired_.rbegin(), acquired_.rend());
  acquired_.clear();
  acquired_slots_.clear();
}

std::span<TxSlot* const> AfXdpTransport::acquire(std::size_t want) {
  unacquire();
  if (pending_.tx_timestamps.size() + pending_.send_failures.size() < unread_limit) reap(pending_);
  const bool full = pending_.tx_timestamps.size() + pending_.send_failures.size() >= unread_limit;
  const std::size_t count = full ? 0 : std::min({want, slots_at_once_, free_.size()});
  for (std::size_t i = 0; i < count; ++i) {
    const auto index = free_.back();
    free_.pop_back();
    acquired_.push_back(index);
    TxSlot& slot = slots_[index];
    slot.size = 0;
    slot.peer = {};
    slot.local = {};
    slot.hardware_stamp = true;
    acquired_slots_.push_back(&slot);
  }
  return acquired_slots_;
}

int AfXdpTransport::queue_one(std::uint32_t index) {
  const TxSlot& slot = slots_[index];
  // A peer that has been heard of is known; the wait is for one that has not.
  constexpr Duration patience = std::chrono::milliseconds(200);
  const Flow* flow =
      connected_ != nullptr ? connected_ : flows_.find(slot.peer, slot.local, patience);
  if (flow == nullptr) return flows_.error();
  if (slot.size > flow->longest_payload_bytes) return EMSGSIZE;
  xsk::Socket& socket = sending_socket();
  if (socket.room_to_send() == 0) return ENOBUFS;
  const std::size_t start = payload_offset - flow->header.size();
  const std::size_t bytes = flow->header.size() + slot.size;
  const auto frame = socket.send_frame(index);
  flow->header.write(frame.subspan(start, bytes));
  // Written even where no time is wanted: drivers of some kernels look there without being told to.
  if (socket.has_tx_metadata()) xsk::ask_for_time(frame.first(start), slot.hardware_stamp);
  starts_[index] = static_cast<std::uint8_t>(start);
  socket.queue_send(index, start, bytes);
  return 0;
}

void AfXdpTransport::submit(std::size_t count) {
  const std::size_t sent = std::min(count, acquired_.size());
  for (std::size_t i = 0; i < sent; ++i) {
    const auto index = acquired_[i];
    if (const int error = queue_one(index); error != 0) {
      pending_.send_failures.push_back({slots_[index].timestamp_id, error});
      free_.push_back(index);
    }
  }
  acquired_.erase(acquired_.begin(), acquired_.begin() + static_cast<std::ptrdiff_t>(sent));
  unacquire();
  if (sent == 0) return;
  sending_socket().publish_sends();
  flush();
}

/// Hands what is in the TX ring to the driver. In copy mode that happens in this call, at most 32
/// frames at a time (net/xdp/xsk.c, __xsk_generic_xmit).
void AfXdpTransport::flush() {
  xsk::Socket& socket = sending_socket();
  if (socket.zero_copy()) {
    if (busy_poll_ || socket.send_needs_wakeup()) (void)socket.kick_send();
    return;
  }
  int idle = 0;
  for (auto before = socket.unsent(); before > 0;) {
    const int error = socket.kick_send();
    const auto after = socket.unsent();
    if (error == EBUSY) {
      // The driver dropped one; the kernel does not say which.
      pending_.send_failures.push_back({std::nullopt, ENOBUFS});
    } else if (error != 0 && error != EAGAIN && error != ENOBUFS && error != EINTR) {
      return refuse_unsent(error);
    }
    idle = after == before ? idle + 1 : 0;
    if (idle > most_idle_kicks) return;
    before = after;
  }
}

/// Copy mode only: nobody but our own calls reads the ring, so what is still in it never left.
void AfXdpTransport::refuse_unsent(int sys_errno) {
  xsk::Socket& socket = sending_socket();
  const auto first = pending_.send_failures.size();
  while (socket.unsent() > 0) {
    const auto index = socket.take_back();
    if (index >= slots_.size()) continue;
    pending_.send_failures.push_back({slots_[index].timestamp_id, sys_errno});
    free_.push_back(index);
  }
  std::reverse(pending_.send_failures.begin() + static_cast<std::ptrdiff_t>(first),
               pending_.send_failures.end());
}

void AfXdpTransport::reap(EventStore& events) {
  xsk::Socket& socket = sending_socket();
  std::int64_t now_ns = 0;
  socket.reap_sent([&](std::uint32_t index) {
    free_.push_back(index);
    if (points_.has(Point::tx_completion)) {
      if (now_ns == 0) now_ns = os::realtime_now().ns;
      events.tx_timestamps.push_back({slots_[index].timestamp_id, Point::tx_completion, now_ns});
    }
    if (!points_.has(Point::tx_hardware)) return;
    const auto time_ns = xsk::completed_time(socket.send_frame(index).first(starts_[index]));
    if (time_ns) {
      events.tx_timestamps.push_back({slots_[index].timestamp_id, Point::tx_hardware, *time_ns});
    }
  });
}

void AfXdpTransport::give_back_held() {
  for (const auto& held : held_) link_.sockets[held.socket].give_back(held.address);
  if (!held_.empty()) {
    for (auto& socket : link_.sockets) socket.publish_free_frames();
  }
  held_.clear();
}

void AfXdpTransport::read_metadata(std::span<std::byte> metadata, RxDatagram& datagram) {
  const auto times = xsk::take_receive_times(metadata);
  if (!times) return;
  if (points_.has(Point::xdp_rx)) datagram.xdp_rx_ns = clock_.to_realtime(times->ns);
  if (points_.has(Point::rx_hardware) && times->hardware_ns != 0) {
    datagram.rx_hardware_ns = times->hardware_ns;
  }
}

void AfXdpTransport::take_frame(std::size_t socket, const xsk::ReceivedFrame& frame,
                                std::int64_t app_rx_ns) {
  held_.push_back({socket, frame.address});
  const auto parsed = wire::parse_udp_frame(frame.bytes);
  if (!parsed) {
    ++unreadable_;
    return;
  }
  RxDatagram datagram;
  datagram.truncated = parsed->payload.size() > max_payload_;
  datagram.payload = parsed->payload.first(std::min(parsed->payload.size(), max_payload_));
  datagram.peer = parsed->source;
  if (is_link_local(datagram.peer)) datagram.peer.scope_id = scope_id_;
  datagram.local = parsed->destination;
  datagram.local.port = 0;
  datagram.app_rx_ns = app_rx_ns;
  if (receive_ttl_) datagram.ttl = parsed->ttl;
  if (frame.address % xsk::frame_bytes >= xsk::receive_metadata_bytes) {
    read_metadata({frame.bytes.data() - xsk::receive_metadata_bytes, xsk::receive_metadata_bytes},
                  datagram);
  }
  if (connected_ == nullptr) flows_.hear(datagram.peer, datagram.local, parsed->source_mac, now_);
  ready_.datagrams.push_back(datagram);
}

void AfXdpTransport::receive() {
  for (std::size_t i = 0; i < link_.sockets.size(); ++i) {
    std::int64_t now_ns = 0;
    (void)link_.sockets[i].receive(receive_batch_limit, [&](const xsk::ReceivedFrame& frame) {
      if (now_ns == 0) {
        now_ns = os::realtime_now().ns;
        clock_.look_for_step();
      }
      take_frame(i, frame, now_ns);
    });
  }
}

void AfXdpTransport::look_at_errors() {
  turns_without_look_ = 0;
  (void)errors_.drain(control_, ready_);
}

/// Datagrams that came past the program: by another interface, in fragments, with options in the
/// way. They must not fill the buffer that ICMP errors wait in.
void AfXdpTransport::drop_strays() {
  constexpr int at_once = 32;
  for (int i = 0; i < at_once; ++i) {
    std::byte nothing{};
    if (::recv(control_.fd.get(), &nothing, 1, MSG_DONTWAIT | MSG_TRUNC) < 0) return;
    ++strays_;
  }
}

void AfXdpTransport::keep_house() {
  now_ = os::monotonic_now();
  if (refreshing_) refreshing_ = flows_.refresh();
  if (now_ < housekeeping_due_) return;
  housekeeping_due_ = now_ + housekeeping_interval;
  drop_strays();
  look_at_errors();
  if (watch_.changed()) {
    flows_.changed();
    refreshing_ = true;
  }
}

/// Without need-wakeup set this is a look at a flag per queue.
void AfXdpTransport::wake_receivers() {
  for (auto& socket : link_.sockets) {
    if (busy_poll_ || socket.receive_needs_wakeup()) socket.kick_receive();
  }
}

void AfXdpTransport::sleep_for(Duration left) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  const std::int64_t left_ns = std::max<std::int64_t>(left.count(), 0);
  const timespec timeout{.tv_sec = left_ns / second_ns, .tv_nsec = left_ns % second_ns};
  for (auto& entry : poll_entries_) entry.revents = 0;
  const int count = ::ppoll(poll_entries_.data(), poll_entries_.size(), &timeout, nullptr);
  if (count > 0 && (poll_entries_.back().revents & POLLERR) != 0) look_at_errors();
}

TransportEvents AfXdpTransport::poll(MonotonicTime until, WaitMode wait) {
  give_back_held();
  ready_.clear();
  std::swap(ready_, pending_);
  if (sending_socket().unsent() > 0) flush();
  keep_house();
  SpinClock clock(until);
  while (true) {
    reap(ready_);
    receive();
    if (!ready_.empty()) break;
    if (++turns_without_look_ >= turns_per_look) look_at_errors();
    if (!ready_.empty()) break;
    if (wait != WaitMode::spin) clock.forget();
    if (clock.expired()) break;
    if (wait == WaitMode::spin) {
      wake_receivers();
    } else {
      sleep_for(clock.left());
    }
  }
  return ready_.view();
}

TransportLosses AfXdpTransport::losses() const {
  TransportLosses losses;
  for (const auto& socket : link_.sockets) {
    const auto counted = socket.statistics();
    losses.receive_overflow += counted.rx_no_room;
    losses.unreadable += counted.rx_invalid;
  }
  losses.error_queue_malformed = errors_.malformed_count();
  losses.unreadable += unreadable_;
  losses.past_program = strays_;
  const auto counted = link_.steering->counters();
  losses.no_socket = counted.no_socket;
  losses.unstamped = counted.no_metadata;
  return losses;
}

std::optional<Error> AfXdpTransport::refused(Point point) const {
  const std::string_view why = point == Point::rx_hardware   ? link_.no_rx_hardware
                               : point == Point::tx_hardware ? link_.no_tx_hardware
                                                             : std::string_view();
  if (why.empty()) return std::nullopt;
  return Error{.what = fmt::format("{} times of the NIC on AF_XDP: {}",
                                   point == Point::rx_hardware ? "receive" : "transmit", why),
               .cause = "",
               .remedy = "With --transport syscall or io_uring a NIC needs less for them."};
}

std::string AfXdpTransport::description() const {
  std::string text = fmt::format("af_xdp ({}, {} queue{}", link_.mode_text(), link_.sockets.size(),
                                 link_.sockets.size() == 1 ? "" : "s");
  if (busy_poll_) text += ", busy polling";
  if (!link_.refused.empty()) text += fmt::format("; {}", link_.refused);
  if (!link_.no_rx_hardware.empty()) {
    text += fmt::format("; no NIC receive times: {}", link_.no_rx_hardware);
  }
  if (!link_.no_tx_hardware.empty()) {
    text += fmt::format("; no NIC transmit times: {}", link_.no_tx_hardware);
  }
  return text + ")";
}

}  // namespace

Result<std::unique_ptr<LinuxTransport>> make_af_xdp_transport(const TransportOptions& options) {
  NETOBS_TRY(parts, open_af_xdp(options));
  return std::make_unique<AfXdpTransport>(std::move(parts), options);
}

}  // namespace netobs
