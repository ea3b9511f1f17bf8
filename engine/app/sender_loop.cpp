#include "app/sender_loop.hpp"

#include <algorithm>

#include "linux/os/clock.hpp"

namespace netobs::app {
namespace {

/// The longest sleep: how soon a signal, or the record thread's progress, is noticed.
constexpr Duration longest_wait = std::chrono::milliseconds(20);
/// Hybrid waiting sleeps until this long before the deadline and spins the rest. It covers a timer
/// interrupt and a wake-up on an idle virtual CPU, both of which are 50 to 100 us there.
constexpr Duration hybrid_spin = std::chrono::microseconds(150);

}  // namespace

void SenderLoop::run() {
  clock_watch_.check_now();
  parts_.sender.start(os::monotonic_now());
  while (true) {
    const auto now = os::monotonic_now();
    if (parts_.control.abandon().load(std::memory_order_relaxed)) break;
    if (parts_.control.stop().load(std::memory_order_relaxed)) parts_.sender.stop(now);
    parts_.sender.set_closed_records(parts_.closed_records.load(std::memory_order_relaxed));
    const auto action = parts_.sender.next(now);
    if (action.step == Sender::Step::done) break;
    if (action.step == Sender::Step::send) {
      send_due(now);
      poll_transport(now, WaitMode::spin);
    } else {
      receive(std::min(action.until, now + longest_wait), now);
    }
    poll_hooks();
    clock_watch_.check(now);
  }
  clock_watch_.check_now();
}

void SenderLoop::send_due(MonotonicTime now) {
  constexpr std::size_t max_batch = 32;
  std::size_t count = 0;
  const auto slots = parts_.transport.acquire(max_batch);
  while (count < slots.size()) {
    // The clock moves on while a batch is written; what falls due meanwhile joins it.
    parts_.sender.prepare_probe(*slots[count], now);
    parts_.sender.stamp_probe(*slots[count], os::realtime_now());
    ++count;
    // Alone by definition: what would be asked below lies between its T1 and the send call.
    if (parts_.sender.config().schedule.kind == ScheduleKind::ping_pong) break;
    now = os::monotonic_now();
    if (parts_.sender.next(now).step != Sender::Step::send) break;
  }
  parts_.transport.submit(count);
  parts_.sender.submitted();
}

void SenderLoop::receive(MonotonicTime until, MonotonicTime now) {
  if (wait_ != WaitMode::hybrid) return poll_transport(until, wait_);
  const auto sleep_until = until - hybrid_spin;
  if (sleep_until > now) {
    poll_transport(sleep_until, WaitMode::block);
  } else {
    poll_transport(until, WaitMode::spin);
  }
}

void SenderLoop::poll_transport(MonotonicTime until, WaitMode wait) {
  const auto events = parts_.transport.poll(until, wait);
  if (events.empty()) return;
  const auto now = os::monotonic_now();
  for (const auto& failure : events.send_failures) parts_.sender.on_send_failure(failure);
  for (const auto& datagram : events.datagrams) parts_.sender.on_datagram(datagram, now);
  for (const auto& timestamp : events.tx_timestamps) parts_.sender.on_tx_timestamp(timestamp);
}

void SenderLoop::poll_hooks() {
  if (parts_.hooks == nullptr) return;
  for (const auto& event : parts_.hooks->poll()) parts_.sender.on_hook_event(event);
}

}  // namespace netobs::app
