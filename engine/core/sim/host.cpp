#include "core/sim/host.hpp"

#include <algorithm>

namespace netobs::sim {
namespace {

constexpr std::int64_t base_ns = 1'700'000'000'000'000'000;
/// A NIC's clock is its own: on TAI, and not set by anyone.
constexpr std::int64_t nic_offset_ns = 37'000'012'345;
constexpr std::int64_t prompt_ns = 20'000;

/// The last point that a dropped packet passes.
std::size_t place(Random& random, Point first, Point last) {
  return order(first) + random.next() % (order(last) - order(first) + 1);
}

}  // namespace

std::int64_t HostModel::clock_ns(std::int64_t true_ns) const {
  const auto& clock = config_.clock;
  const std::int64_t drift = true_ns / 1'000 * clock.drift_ppb / 1'000'000;
  const bool stepped = clock.step_at_ns >= 0 && true_ns >= clock.step_at_ns;
  return base_ns + true_ns + clock.offset_ns + drift + (stepped ? clock.step_ns : 0);
}

void HostModel::pass(Point point, std::int64_t true_ns, Passage& passage) const {
  passage.passed.add(point);
  passage.true_ns[index(point)] = true_ns;
  passage.clock_ns[index(point)] =
      info(point).layer == Layer::nic ? base_ns + true_ns + nic_offset_ns : clock_ns(true_ns);
}

std::int64_t HostModel::step(Point point, std::int64_t from_ns) {
  auto& last = last_ns_[index(point)];
  last = std::max(from_ns + random_->between(0, config_.longest_step_ns), last);
  return last;
}

bool HostModel::leave(std::int64_t start_ns, Passage& passage) {
  pass(Point::app_tx, start_ns, passage);
  const bool dropped = random_->chance(config_.dropped_inside_ppm);
  const auto last = dropped ? place(*random_, Point::app_tx, Point::tx_software) : point_count;
  auto time_ns = start_ns;
  for (const auto& row : point_table) {
    if (row.direction != Direction::tx || row.point == Point::app_tx) continue;
    if (row.layer == Layer::xdp) continue;  // the simulated hosts use the kernel's path
    if (order(row.point) > last) return false;
    time_ns = step(row.point, time_ns);
    pass(row.point, time_ns, passage);
  }
  return true;
}

bool HostModel::arrive(std::int64_t start_ns, Passage& passage) {
  const bool dropped = random_->chance(config_.dropped_inside_ppm);
  const auto last = dropped ? place(*random_, Point::rx_hardware, Point::tc_ingress) : point_count;
  auto time_ns = start_ns;
  for (const Point point :
       {Point::rx_hardware, Point::rx_software, Point::tc_ingress, Point::socket_delivery}) {
    if (order(point) > last) return false;
    time_ns = step(point, time_ns);
    pass(point, time_ns, passage);
    if (point == Point::rx_software) pass(Point::pcap_rx, time_ns, passage);
  }
  return true;
}

void HostModel::hand_over(std::int64_t app_rx_ns, Passage& passage) {
  constexpr std::int64_t longest_copy_ns = 500;
  const auto earliest = std::max(passage.at(Point::socket_delivery), app_rx_ns - longest_copy_ns);
  pass(Point::skb_copy_datagram_iovec, random_->between(earliest, app_rx_ns), passage);
  pass(Point::app_rx, app_rx_ns, passage);
}

std::int64_t HostModel::delivery_delay_ns() {
  if (withholds()) return -1;
  if (random_->chance(config_.late_ppm))
    return random_->between(prompt_ns, prompt_ns + config_.latest_ns);
  return random_->between(0, prompt_ns);
}

std::int64_t HostModel::pause_ns() {
  if (random_->chance(config_.stall_ppm)) return random_->between(0, config_.longest_stall_ns);
  return random_->between(100, 1'000);
}

}  // namespace netobs::sim
