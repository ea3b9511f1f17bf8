#include "linux/transport/holding_transport.hpp"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "linux/os/clock.hpp"

namespace netobs {
namespace {

class HoldingTransport final : public LinuxTransport {
 public:
  HoldingTransport(std::unique_ptr<LinuxTransport> inner, TransportStops stops)
      : inner_(std::move(inner)), stops_(std::move(stops)) {}

  std::span<TxSlot* const> acquire(std::size_t want) override {
    if (stops_.before_write) stops_.before_write();
    acquired_ = inner_->acquire(want);
    return acquired_;
  }
  void submit(std::size_t count) override {
    if (stops_.before_send) stops_.before_send(acquired_.first(count));
    inner_->submit(count);
  }
  TransportEvents poll(MonotonicTime until, WaitMode wait) override;

  PointSet points_on_path() const override { return inner_->points_on_path(); }
  PointSet points_enabled() const override { return inner_->points_enabled(); }
  TransportLosses losses() const override { return inner_->losses(); }
  Endpoint local() const override { return inner_->local(); }
  std::string description() const override { return inner_->description() + ", held on purpose"; }
  int socket_fd() const override { return inner_->socket_fd(); }
  bool ids_are_free() const override { return inner_->ids_are_free(); }

 private:
  TransportEvents poll_watched(MonotonicTime until, WaitMode wait);

  std::unique_ptr<LinuxTransport> inner_;
  TransportStops stops_;
  std::span<TxSlot* const> acquired_;
};

TransportEvents HoldingTransport::poll_watched(MonotonicTime until, WaitMode wait) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  pollfd entry{.fd = inner_->socket_fd(), .events = POLLIN, .revents = 0};
  for (;;) {
    const auto left = std::max(Duration::zero(), until - os::monotonic_now());
    const auto sleep_ns = wait == WaitMode::spin ? 0 : left.count();
    const timespec timeout{.tv_sec = sleep_ns / second_ns, .tv_nsec = sleep_ns % second_ns};
    // POLLERR: transmit timestamps have come, which are not held.
    if (::ppoll(&entry, 1, &timeout, nullptr) > 0 || left == Duration::zero()) break;
  }
  if ((entry.revents & POLLIN) != 0) stops_.datagram_waits();
  return inner_->poll(MonotonicTime{}, WaitMode::spin);
}

TransportEvents HoldingTransport::poll(MonotonicTime until, WaitMode wait) {
  const auto events = stops_.datagram_waits ? poll_watched(until, wait) : inner_->poll(until, wait);
  if (stops_.received) stops_.received(events.datagrams);
  return events;
}

}  // namespace

std::unique_ptr<LinuxTransport> make_holding_transport(std::unique_ptr<LinuxTransport> inner,
                                                       TransportStops stops) {
  return std::make_unique<HoldingTransport>(std::move(inner), std::move(stops));
}

}  // namespace netobs
