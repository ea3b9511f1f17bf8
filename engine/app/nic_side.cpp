#include "app/nic_side.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "linux/os/clock.hpp"

namespace netobs::app {
namespace {

/// Two looks of a microsecond each, a quarter of a second apart, know the rate within 8 ppm.
constexpr std::int64_t rate_span_ns = 250'000'000;

}  // namespace

PointSet hardware_points(PointSet points) {
  return points & points_of(Layer::nic);
}

Result<NicSide> NicSide::open(const std::string& interface, PointSet points,
                              const NicRequest& request) {
  nic::NicOptions options;
  options.interface = interface;
  options.tx = points.has(Point::tx_hardware);
  options.rx = points.has(Point::rx_hardware);
  options.ptp_disguise = request.ptp_disguise;
  options.force = request.force;
  NETOBS_TRY(setup, nic::NicSetup::start(options));
  NicSide side(std::move(setup), hardware_points(points));
  side.open_clock();
  return side;
}

void NicSide::open_clock() {
  const int index = setup_.report().phc_index;
  if (index < 0) {
    clock_refused_ = Error{.what = "its driver names no clock", .cause = "", .remedy = ""};
    return;
  }
  auto clock = nic::Phc::open(index);
  if (!clock) {
    clock_refused_ = std::move(clock).error();
    return;
  }
  phc_.emplace(std::move(*clock));
  auto first = phc_->read();
  if (first) {
    first_looks_.push_back(*first);
  } else {
    clock_refused_ = std::move(first).error();
  }
}

PointSet NicSide::points() const {
  PointSet points = wanted_;
  if (!setup_.report().may_stamp_ours) points.remove(Point::rx_hardware);
  if (setup_.report().tx_type == "off") points.remove(Point::tx_hardware);
  return points;
}

std::optional<CrossTimestamp> NicSide::look() {
  if (!phc_) return std::nullopt;
  const auto read = phc_->read();
  return read ? std::optional(*read) : std::nullopt;
}

std::optional<std::uint64_t> NicSide::tx_skipped() const {
  const auto total = setup_.tx_skipped();
  return total ? std::optional(*total - std::min(*total, skipped_before_)) : std::nullopt;
}

void NicSide::settle() {
  skipped_before_ = setup_.tx_skipped().value_or(0);
  if (!has_clock()) return;
  const auto due = first_looks_.front().realtime_ns + rate_span_ns;
  const auto now = os::realtime_now().ns;
  // A clock that was set meanwhile must not make this wait for long.
  if (now < due && due - now <= rate_span_ns) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(due - now));
  }
  if (const auto next = look()) first_looks_.push_back(*next);
}

report::NicClockInfo NicSide::describe(const std::optional<NicClockState>& clock) const {
  report::NicClockInfo info;
  info.rx_filter = report().rx_filter;
  info.changed = report().changed;
  if (phc_) {
    info.clock = phc_->path();
    info.method = phc_->method();
  }
  if (!clock) return info;
  const auto discipline = os::read_time_discipline();
  info.time_scale = time_scale(clock->offset.ns, discipline ? discipline->tai_offset_s : 0);
  info.offset_ns = clock->offset.ns;
  info.offset_bound_ns = clock->offset.bound_ns;
  info.drift_ppb = clock->drift_ppb;
  info.drift_bound_ppb = clock->drift_bound_ppb;
  info.looks = clock->looks;
  info.steps = clock->steps;
  return info;
}

std::string time_scale(std::int64_t offset_ns, std::int64_t tai_offset_s) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  // Since 2017; a kernel that has not been told says 0.
  constexpr std::int64_t usual_tai_offset_s = 37;
  const auto near = [&](std::int64_t expected_s) {
    return std::llabs(offset_ns - expected_s * second_ns) < second_ns / 2;
  };
  if (near(0)) return "UTC";
  if (near(-usual_tai_offset_s) || (tai_offset_s != 0 && near(-tai_offset_s))) return "TAI";
  return "its own";
}

}  // namespace netobs::app
