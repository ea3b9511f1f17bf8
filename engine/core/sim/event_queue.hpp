#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace netobs::sim {

/// What will happen, by virtual time; at the same time in the order of scheduling.
class EventQueue {
 public:
  using Action = std::move_only_function<void()>;

  void at(std::int64_t time_ns, Action action) {
    events_.push_back({std::max(time_ns, now_ns_), order_++, std::move(action)});
    std::ranges::push_heap(events_, later);
  }
  /// Moves the time to the next event and does it. False when there is none.
  bool step() {
    if (events_.empty()) return false;
    std::ranges::pop_heap(events_, later);
    Event event = std::move(events_.back());
    events_.pop_back();
    now_ns_ = event.time_ns;
    event.action();
    return true;
  }
  [[nodiscard]] std::int64_t now_ns() const { return now_ns_; }

 private:
  struct Event {
    std::int64_t time_ns = 0;
    std::uint64_t order = 0;
    Action action;
  };
  static bool later(const Event& a, const Event& b) {
    return std::pair(a.time_ns, a.order) > std::pair(b.time_ns, b.order);
  }

  std::vector<Event> events_;
  std::int64_t now_ns_ = 0;
  std::uint64_t order_ = 0;
};

}  // namespace netobs::sim
