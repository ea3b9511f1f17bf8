#include "app/clock_watch.hpp"

#include "linux/os/clock.hpp"

namespace netobs::app {
namespace {
constexpr Duration check_interval = std::chrono::milliseconds(1);
}

void ClockWatch::check(MonotonicTime now) {
  if (now >= due_) check_now();
}

void ClockWatch::check_now() {
  const auto read = os::bracketed_read();
  due_ = read.after + check_interval;
  const auto step = detector_.feed(read.before, read.realtime, read.after);
  const auto good_until = detector_.good_until();
  if (!good_until) return;
  Observation observation;
  observation.monotonic_ns = good_until->ns;
  observation.kind = Observation::Kind::clock_good;
  if (step) {
    observation.kind = Observation::Kind::clock_step;
    observation.second = step->last_good.ns;
    observation.value_ns = step->size.count();
  }
  observations_->push(observation);
}

}  // namespace netobs::app
