#include "linux/transport/io_uring_transport.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <thread>
#include <utility>

#include "core/base/check.hpp"
#include "linux/transport/error_queue.hpp"
#include "linux/transport/event_store.hpp"
#include "linux/transport/kernel_abi.hpp"
#include "linux/transport/spin_clock.hpp"
#include "linux/transport/tx_batch.hpp"
#include "linux/transport/udp_socket.hpp"
#include "linux/transport/uring.hpp"
#include "linux/transport/uring_receive.hpp"

namespace netobs {
namespace {

constexpr std::size_t spin_receive_limit = 32;
constexpr std::size_t standing_entries = 8;  // besides sends and receives: polls, commands, cancel
constexpr std::size_t unread_failure_limit = 16384;

class IoUringTransport final : public LinuxTransport {
 public:
  IoUringTransport(UdpSocket socket, std::unique_ptr<Uring> ring,
                   std::unique_ptr<MultishotReceive> multishot, bool tx_by_ring,
                   const TransportOptions& options)
      : socket_(std::move(socket)),
        multishot_(std::move(multishot)),
        tx_(options, socket_),
        spin_(std::min(options.rx_buffers, spin_receive_limit), options.max_datagram_bytes,
              socket_),
        error_queue_(socket_),
        tx_by_ring_(tx_by_ring),
        send_batching_(options.features.send_batching),
        ring_(std::move(ring)) {}
  ~IoUringTransport() override;
  IoUringTransport(const IoUringTransport&) = delete;
  IoUringTransport& operator=(const IoUringTransport&) = delete;

  std::span<TxSlot* const> acquire(std::size_t want) override;
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
  void start_on_first_call();
  void queue_send(std::size_t index, const mmsghdr& header, UringTag tag);
  void flush();
  void send_again(std::span<const mmsghdr> headers);
  void reap(EventStore& events);
  void take(const io_uring_cqe& completion, EventStore& events);
  void take_send(const io_uring_cqe& completion, UringTag tag, EventStore& events);
  void take_tx_timestamp(const io_uring_cqe& completion, EventStore& events);
  void arm_standing(bool receive);
  void queue_poll(unsigned mask, UringTag tag, bool multishot);
  void queue_tx_timestamps();
  void turn(Duration may_sleep);
  void receive_now();
  void sleep(Duration limit);
  void collect();

  UdpSocket socket_;
  std::unique_ptr<MultishotReceive> multishot_;  // null: without
  TxBatch tx_;
  SpinReceive spin_;
  ErrorQueue error_queue_;
  EventStore ready_;
  EventStore pending_;                    // came up between two polls
  std::vector<std::uint16_t> to_resend_;  // slots whose send met an earlier datagram's error
  bool tx_by_ring_;
  bool send_batching_;
  bool started_ = false;
  bool submitting_ = false;
  bool tx_timestamps_armed_ = false;
  bool error_poll_armed_ = false;
  bool readable_poll_armed_ = false;
  bool readable_ = false;  // the poll has fired and nothing has been received since
  bool error_queue_due_ = false;
  std::uint64_t overflow_count_ = 0;
  std::uint64_t empty_timestamp_count_ = 0;
  std::thread::id issuer_;
  std::unique_ptr<Uring> ring_;  // last, so first to go: the kernel may write to all of the above
};

IoUringTransport::~IoUringTransport() {
  if (started_ && issuer_ == std::this_thread::get_id()) ring_->release_file();
}

void IoUringTransport::start_on_first_call() {
  if (started_) [[likely]]
    return;
  started_ = true;
  issuer_ = std::this_thread::get_id();
  const auto enabled = ring_->enable();
  NETOBS_CHECK(enabled.has_value(), "{}", enabled.error().brief());
  arm_standing(false);
  (void)io_uring_submit(ring_->get());
}

std::span<TxSlot* const> IoUringTransport::acquire(std::size_t want) {
  start_on_first_call();
  const std::size_t unread = std::min(unread_failure_limit, pending_.send_failures.size());
  return tx_.acquire(want, unread_failure_limit - unread);
}

void IoUringTransport::queue_send(std::size_t index, const mmsghdr& header, UringTag tag) {
  io_uring_sqe* entry = ring_->next_entry();
  const std::uint32_t id = tx_.slot(index).timestamp_id;
  if (entry == nullptr) {
    pending_.send_failures.push_back({id, EAGAIN});
    return;
  }
  const msghdr& message = header.msg_hdr;
  // MSG_DONTWAIT makes every send complete inside the submitting call: sent, or failed with EAGAIN.
  if (message.msg_control == nullptr) {
    io_uring_prep_send(entry, 0, message.msg_iov->iov_base, message.msg_iov->iov_len, MSG_DONTWAIT);
    if (message.msg_name != nullptr) {
      io_uring_prep_send_set_addr(entry, static_cast<const sockaddr*>(message.msg_name),
                                  static_cast<std::uint16_t>(message.msg_namelen));
    }
  } else {
    io_uring_prep_sendmsg(entry, 0, &message, MSG_DONTWAIT);
  }
  entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  entry->user_data = uring_tag(tag, static_cast<std::uint64_t>(index) << 32U | id);
}

/// Hands everything queued to the kernel. What it does not take after a few tries is reported as
/// failed and made harmless.
void IoUringTransport::flush() {
  constexpr int attempts = 3;
  int outcome = 0;
  for (int attempt = 0; attempt < attempts && io_uring_sq_ready(ring_->get()) != 0; ++attempt) {
    outcome = io_uring_submit(ring_->get());
    if (outcome < 0) (void)io_uring_get_events(ring_->get());  // EBUSY: completions want room
    if (ring_->completions_waiting()) reap(pending_);
  }
  const auto& queue = ring_->get()->sq;
  for (unsigned at = *queue.khead; at != queue.sqe_tail; ++at) {
    io_uring_sqe& entry = queue.sqes[at & *queue.kring_mask];
    const auto tag = static_cast<UringTag>(entry.user_data >> uring_tag_shift);
    if (tag != UringTag::send && tag != UringTag::send_again) continue;
    pending_.send_failures.push_back(
        {static_cast<std::uint32_t>(entry.user_data), outcome < 0 ? -outcome : EAGAIN});
    io_uring_prep_nop(&entry);
    entry.user_data = uring_tag(UringTag::ignored);
  }
}

void IoUringTransport::submit(std::size_t count) {
  start_on_first_call();
  const auto headers = tx_.prepare(count, socket_);
  submitting_ = true;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    queue_send(i, headers[i], UringTag::send);
    if (!send_batching_) flush();
  }
  flush();
  if (!to_resend_.empty()) [[unlikely]]
    send_again(headers);
  submitting_ = false;
}

void IoUringTransport::send_again(std::span<const mmsghdr> headers) {
  (void)error_queue_.drain(socket_, pending_);
  const auto slots = std::exchange(to_resend_, {});
  for (const std::uint16_t index : slots) {
    queue_send(index, headers[index], UringTag::send_again);
    flush();
  }
}

void IoUringTransport::reap(EventStore& events) {
  if (ring_->overflowed()) ++overflow_count_;
  ring_->take_completions(
      [this, &events](const io_uring_cqe& completion) { take(completion, events); });
}

void IoUringTransport::take(const io_uring_cqe& completion, EventStore& events) {
  const auto tag = static_cast<UringTag>(completion.user_data >> uring_tag_shift);
  switch (tag) {
    case UringTag::receive:
      if (!spin_.complete(completion, socket_, events) && completion.res != -EAGAIN) {
        error_queue_due_ = true;
      }
      break;
    case UringTag::multishot:
      multishot_->complete(completion, socket_, events);
      // ENOBUFS only means that the caller has not yet read what was delivered.
      if (completion.res < 0 && completion.res != -ENOBUFS) error_queue_due_ = true;
      break;
    case UringTag::send:
    case UringTag::send_again:
      take_send(completion, tag, events);
      break;
    case UringTag::tx_timestamp:
      take_tx_timestamp(completion, events);
      break;
    case UringTag::readable:
      readable_poll_armed_ = false;
      readable_ = true;
      error_queue_due_ = error_queue_due_ || (completion.res & POLLERR) != 0;
      break;
    case UringTag::error_queue:
      error_poll_armed_ = (completion.flags & IORING_CQE_F_MORE) != 0;
      error_queue_due_ = true;
      break;
    case UringTag::ignored:
      break;
  }
}

void IoUringTransport::take_send(const io_uring_cqe& completion, UringTag tag, EventStore& events) {
  if (completion.res >= 0) return;
  const int error = -completion.res;
  if (tag == UringTag::send && submitting_ && may_be_pending_error(error)) {
    constexpr std::uint64_t slot_mask = 0xffff;
    to_resend_.push_back(static_cast<std::uint16_t>(completion.user_data >> 32U & slot_mask));
    return;
  }
  events.send_failures.push_back({static_cast<std::uint32_t>(completion.user_data), error});
}

/// io_uring/cmd_net.c: the id in res, the kind in the upper flags, the time in the second half.
void IoUringTransport::take_tx_timestamp(const io_uring_cqe& completion, EventStore& events) {
  if ((completion.flags & IORING_CQE_F_MORE) == 0) {
    tx_timestamps_armed_ = false;
    return;
  }
  constexpr unsigned kind_sent = 0;   // SCM_TSTAMP_SND
  constexpr unsigned kind_sched = 1;  // SCM_TSTAMP_SCHED
  const unsigned kind = completion.flags >> abi::cqe_tstamp_type_shift;
  const bool hardware = (completion.flags & abi::cqe_tstamp_hw_flag) != 0;
  const abi::Timespec64 time{static_cast<std::int64_t>(completion.big_cqe[0]),
                             static_cast<std::int64_t>(completion.big_cqe[1])};
  const auto time_ns = time.total_ns();
  const auto id = static_cast<std::uint32_t>(completion.res);
  if (!time_ns) {
    ++empty_timestamp_count_;
    return;
  }
  if (kind == kind_sched) events.tx_timestamps.push_back({id, Point::tx_sched, *time_ns});
  if (kind == kind_sent) {
    events.tx_timestamps.push_back(
        {id, hardware ? Point::tx_hardware : Point::tx_software, *time_ns});
  }
}

void IoUringTransport::queue_poll(unsigned mask, UringTag tag, bool multishot) {
  io_uring_sqe* entry = ring_->next_entry();
  if (entry == nullptr) return;
  if (multishot) {
    io_uring_prep_poll_multishot(entry, 0, mask);
  } else {
    io_uring_prep_poll_add(entry, 0, mask);
  }
  entry->flags |= IOSQE_FIXED_FILE;
  entry->user_data = uring_tag(tag);
  (tag == UringTag::readable ? readable_poll_armed_ : error_poll_armed_) = true;
}

void IoUringTransport::queue_tx_timestamps() {
  io_uring_sqe* entry = ring_->next_entry();
  if (entry == nullptr) return;
  io_uring_prep_rw(IORING_OP_URING_CMD, entry, 0, nullptr, 0, 0);
  entry->cmd_op = abi::socket_uring_op_tx_timestamp;
  entry->flags |= IOSQE_FIXED_FILE;
  entry->user_data = uring_tag(UringTag::tx_timestamp);
  tx_timestamps_armed_ = true;
}

/// Queues whatever should be standing and is not. `receive`: what a sleeping poll wakes for, too.
void IoUringTransport::arm_standing(bool receive) {
  if (socket_.has_tx_points()) {
    if (tx_by_ring_ && !tx_timestamps_armed_) queue_tx_timestamps();
    if (!tx_by_ring_ && !error_poll_armed_) queue_poll(POLLERR, UringTag::error_queue, true);
  }
  if (multishot_ && (receive || multishot_->used())) multishot_->arm(*ring_);
  if (!multishot_ && receive && !readable_ && !readable_poll_armed_) {
    queue_poll(POLLIN, UringTag::readable, false);
  }
}

/// One round of receives that do not wait, and the deferred work that is due.
void IoUringTransport::receive_now() {
  spin_.queue(*ring_);
  (void)io_uring_submit(ring_->get());
  if (ring_->task_work_waiting()) (void)io_uring_get_events(ring_->get());
}

void IoUringTransport::sleep(Duration limit) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  __kernel_timespec timeout{.tv_sec = limit.count() / second_ns,
                            .tv_nsec = limit.count() % second_ns};
  io_uring_cqe* first = nullptr;
  (void)io_uring_submit_and_wait_timeout(ring_->get(), &first, 1, &timeout, nullptr);
}

/// One step of waiting; it sleeps only when told to and when something is armed to wake it.
void IoUringTransport::turn(Duration may_sleep) {
  const bool armed = multishot_ && multishot_->armed();
  if (may_sleep > Duration::zero() && !readable_ && (armed || readable_poll_armed_)) {
    return sleep(may_sleep);
  }
  readable_ = false;
  if (!armed) return receive_now();
  // The kernel tells in memory that there is something to enter it for.
  if (io_uring_sq_ready(ring_->get()) != 0) (void)io_uring_submit(ring_->get());
  if (ring_->task_work_waiting()) (void)io_uring_get_events(ring_->get());
}

void IoUringTransport::collect() {
  if (ring_->completions_waiting()) reap(ready_);
  if (!error_queue_due_) return;
  error_queue_due_ = false;
  (void)error_queue_.drain(socket_, ready_);
}

TransportEvents IoUringTransport::poll(MonotonicTime until, WaitMode wait) {
  start_on_first_call();
  if (multishot_) multishot_->give_back(ready_);
  ready_.clear();
  std::swap(ready_, pending_);
  collect();
  SpinClock clock(until);
  const bool blocking = wait != WaitMode::spin;
  for (bool first = true;; first = false) {
    if (blocking) clock.forget();
    // Decided before the turn, so that what arrived by the limit is still taken.
    const bool over = !ready_.empty() || clock.expired();
    arm_standing(blocking && !over);
    turn(blocking && !over ? clock.left() : Duration::zero());
    collect();
    spin_.adapt(!first);
    if (!ready_.empty() || over) break;
  }
  return ready_.view();
}

TransportLosses IoUringTransport::losses() const {
  const std::uint64_t multishot = multishot_ ? multishot_->control_truncated_count() : 0;
  return {.control_truncated =
              spin_.control_truncated_count() + multishot + error_queue_.control_truncated_count(),
          .receive_overflow = socket_.receive_overflow(),
          .error_queue_malformed = error_queue_.malformed_count() + empty_timestamp_count_,
          .completion_overflow = overflow_count_};
}

std::string IoUringTransport::description() const {
  std::string text = "io_uring (";
  text += ring_->defers_task_work() ? "deferred task work, " : "cooperative task work, ";
  text += multishot_ ? "multishot receive" : "receive after poll";
  if (socket_.has_tx_points()) {
    text += tx_by_ring_                   ? ", TX timestamps by ring"
            : socket_.carries_id_beside() ? ", TX timestamps by error queue with SCM_TS_OPT_ID"
                                          : ", TX timestamps by error queue with the packet's head";
  }
  return text + ")";
}

std::size_t completion_entries(const TransportOptions& options) {
  constexpr std::size_t minimum = 256;
  constexpr std::size_t maximum = 32768;
  const std::size_t wanted = std::max(2 * options.rx_buffers, 4 * options.tx_slots);
  return std::clamp(std::bit_ceil(wanted), minimum, maximum);
}

}  // namespace

Result<std::unique_ptr<LinuxTransport>> make_io_uring_transport(const TransportOptions& options) {
  NETOBS_TRY(socket, open_udp_socket(options));
  const bool tx_by_ring = socket.carries_id_beside() && options.features.uring_tx_timestamp &&
                          kernel_has_uring_tx_timestamp();
  const std::size_t entries =
      std::bit_ceil(options.tx_slots + spin_receive_limit + standing_entries);
  NETOBS_TRY(ring,
             Uring::make({.submission_entries = static_cast<unsigned>(entries),
                          .completion_entries = static_cast<unsigned>(completion_entries(options)),
                          .defer_taskrun = options.features.defer_taskrun,
                          .wide_completions = tx_by_ring}));
  NETOBS_TRY_VOID(ring->register_file(socket.fd.get()));
  std::unique_ptr<MultishotReceive> multishot;
  if (options.features.multishot) {
    const std::size_t buffer_bytes =
        options.max_datagram_bytes + MultishotReceive::overhead_bytes(socket);
    NETOBS_TRY(buffers, BufferRing::make(*ring, std::bit_ceil(options.rx_buffers), buffer_bytes));
    multishot = std::make_unique<MultishotReceive>(std::move(buffers), socket);
  }
  return std::make_unique<IoUringTransport>(std::move(socket), std::move(ring),
                                            std::move(multishot), tx_by_ring, options);
}

}  // namespace netobs
