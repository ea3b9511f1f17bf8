#include "linux/transport/syscall_transport.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "linux/os/clock.hpp"
#include "linux/transport/direct_syscall.hpp"
#include "linux/transport/error_queue.hpp"
#include "linux/transport/event_store.hpp"
#include "linux/transport/rx_batch.hpp"
#include "linux/transport/spin_clock.hpp"
#include "linux/transport/tx_batch.hpp"
#include "linux/transport/udp_socket.hpp"

namespace netobs {
namespace {

constexpr std::size_t receive_batch_limit = 64;
constexpr std::size_t unread_failure_limit = 16384;
/// How many turns of a loop may pass without a look at the error queue, when TX timestamps are on.
/// A look costs a system call, so a spinning receive should not be spoilt by one on every turn; a
/// stream of datagrams must not starve it either.
constexpr unsigned idle_turns_per_look = 16;
constexpr unsigned busy_turns_per_look = 4;

class SyscallTransport final : public LinuxTransport {
 public:
  SyscallTransport(UdpSocket socket, const TransportOptions& options)
      : socket_(std::move(socket)),
        tx_(options, socket_),
        rx_(std::min(options.rx_buffers, receive_batch_limit), options.max_datagram_bytes, socket_),
        error_queue_(socket_),
        batching_(options.features.send_batching) {}

  std::span<TxSlot* const> acquire(std::size_t want) override {
    return tx_.acquire(
        want, unread_failure_limit - std::min(unread_failure_limit, pending_.send_failures.size()));
  }
  void submit(std::size_t count) override;
  TransportEvents poll(MonotonicTime until, WaitMode wait) override;

  PointSet points_on_path() const override { return socket_path; }
  PointSet points_enabled() const override { return socket_.points; }
  TransportLosses losses() const override;
  Endpoint local() const override { return socket_.local; }
  std::string description() const override;
  int socket_fd() const override { return socket_.fd.get(); }
  bool ids_are_free() const override { return socket_.carries_id_beside(); }

 private:
  int send_some(std::span<mmsghdr> headers);
  bool receive();
  bool receive_one();
  bool receive_bare();
  bool receive_many();
  void look_at_error_queue(bool busy);
  void sleep_for(Duration left);

  UdpSocket socket_;
  TxBatch tx_;
  RxBatch rx_;
  ErrorQueue error_queue_;
  EventStore ready_;
  EventStore pending_;  // came up between two polls
  bool batching_;
  bool stream_ = false;  // datagrams come faster than they are asked for
  bool look_now_ = false;
  unsigned turns_without_look_ = 0;
  std::uint64_t control_truncated_count_ = 0;
};

/// How many of the headers were sent, at least one; or -1 with errno about the first.
int SyscallTransport::send_some(std::span<mmsghdr> headers) {
  if (batching_ && headers.size() > 1) {
    return ::sendmmsg(socket_.fd.get(), headers.data(), static_cast<unsigned>(headers.size()),
                      MSG_DONTWAIT);
  }
  const msghdr& header = headers.front().msg_hdr;
  // The shortest way into the kernel when there is nothing to say beside the data.
  const bool bare = header.msg_control == nullptr;
  const ssize_t sent =
      bare ? direct::sendto(socket_.fd.get(), header.msg_iov->iov_base, header.msg_iov->iov_len,
                            MSG_DONTWAIT, static_cast<const sockaddr*>(header.msg_name),
                            header.msg_namelen)
           : direct::sendmsg(socket_.fd.get(), &header, MSG_DONTWAIT);
  return sent < 0 ? -1 : 1;
}

void SyscallTransport::submit(std::size_t count) {
  auto headers = tx_.prepare(count, socket_);
  std::size_t index = 0;
  bool retried = false;
  while (index < headers.size()) {
    const int sent = send_some(headers.subspan(index));
    if (sent > 0) {
      index += static_cast<std::size_t>(sent);
      retried = false;
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if (!retried && may_be_pending_error(error)) {
      (void)error_queue_.drain(socket_, pending_);
      retried = true;
      continue;
    }
    pending_.send_failures.push_back({tx_.slot(index).timestamp_id, error});
    ++index;
    retried = false;
  }
  look_now_ = look_now_ || socket_.has_tx_points();
}

bool SyscallTransport::receive_one() {
  if (socket_.tells_nothing_beside) return receive_bare();
  const auto headers = rx_.prepare(1);
  const ssize_t bytes = direct::recvmsg(socket_.fd.get(), &headers[0].msg_hdr, MSG_DONTWAIT);
  if (bytes < 0) {
    look_now_ = look_now_ || (errno != EAGAIN && errno != EINTR);
    return false;
  }
  const std::int64_t now = os::realtime_now().ns;
  if (rx_.control_truncated(0)) ++control_truncated_count_;
  ready_.datagrams.push_back(rx_.datagram(0, static_cast<std::size_t>(bytes), socket_, now));
  return true;
}

/// The shortest way out of the kernel: no headers to copy in and out on every turn of a spin.
bool SyscallTransport::receive_bare() {
  const auto room = rx_.room(0);
  const ssize_t bytes =
      direct::recv(socket_.fd.get(), room.data(), room.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (bytes < 0) {
    look_now_ = look_now_ || (errno != EAGAIN && errno != EINTR);
    return false;
  }
  ready_.datagrams.push_back(
      rx_.bare_datagram(0, static_cast<std::size_t>(bytes), socket_, os::realtime_now().ns));
  return true;
}

bool SyscallTransport::receive_many() {
  const auto headers = rx_.prepare(rx_.size());
  const int count = ::recvmmsg(socket_.fd.get(), headers.data(),
                               static_cast<unsigned>(headers.size()), MSG_DONTWAIT, nullptr);
  if (count < 0) {
    look_now_ = look_now_ || (errno != EAGAIN && errno != EINTR);
    return false;
  }
  const std::int64_t now = os::realtime_now().ns;
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    if (rx_.control_truncated(i)) ++control_truncated_count_;
    ready_.datagrams.push_back(rx_.datagram(i, headers[i].msg_len, socket_, now));
  }
  return true;
}

bool SyscallTransport::receive() {
  return stream_ ? receive_many() : receive_one();
}

void SyscallTransport::look_at_error_queue(bool busy) {
  ++turns_without_look_;
  // A datagram in hand goes first: whoever waits for the reply waits for us.
  bool due = look_now_ && !busy;
  due = due || (look_now_ && turns_without_look_ >= busy_turns_per_look);
  due = due || (socket_.has_tx_points() && turns_without_look_ >= idle_turns_per_look);
  if (!due) return;
  turns_without_look_ = 0;
  look_now_ = false;
  (void)error_queue_.drain(socket_, ready_);
}

void SyscallTransport::sleep_for(Duration left) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  const std::int64_t left_ns = left.count();
  const timespec timeout{.tv_sec = left_ns / second_ns, .tv_nsec = left_ns % second_ns};
  pollfd entry{.fd = socket_.fd.get(), .events = POLLIN, .revents = 0};
  const int count = ::ppoll(&entry, 1, &timeout, nullptr);
  if (count > 0 && (entry.revents & POLLERR) != 0) look_now_ = true;
}

TransportEvents SyscallTransport::poll(MonotonicTime until, WaitMode wait) {
  ready_.clear();
  std::swap(ready_, pending_);
  SpinClock clock(until);
  for (bool first = true;; first = false) {
    const bool received = receive();
    stream_ = first && received;
    look_at_error_queue(received);
    if (!ready_.empty()) break;
    if (wait != WaitMode::spin) clock.forget();
    if (clock.expired()) break;
    if (wait != WaitMode::spin && !look_now_) sleep_for(clock.left());
  }
  return ready_.view();
}

TransportLosses SyscallTransport::losses() const {
  return {.control_truncated = control_truncated_count_ + error_queue_.control_truncated_count(),
          .receive_overflow = socket_.receive_overflow(),
          .error_queue_malformed = error_queue_.malformed_count(),
          .completion_overflow = 0};
}

std::string SyscallTransport::description() const {
  std::string text = "syscall (";
  text += batching_ ? "sendmmsg, recvmmsg" : "sendmsg, recvmmsg";
  if (socket_.has_tx_points()) {
    text += socket_.carries_id_beside() ? ", TX timestamps by error queue with SCM_TS_OPT_ID"
                                        : ", TX timestamps by error queue with the packet's head";
  }
  return text + ")";
}

}  // namespace

Result<std::unique_ptr<LinuxTransport>> make_syscall_transport(const TransportOptions& options) {
  NETOBS_TRY(socket, open_udp_socket(options));
  return std::make_unique<SyscallTransport>(std::move(socket), options);
}

}  // namespace netobs
