#include "core/clock/nic_clock.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/saturating.hpp"

namespace netobs {
namespace {

constexpr double per_billion = 1e9;
constexpr std::int64_t farthest_ns = 3'600'000'000'000;
/// The rate is taken over at least this much time where there is as much: looks are a microsecond
/// wide or so, and over a second that is one part in a million.
constexpr std::int64_t rate_span_ns = 1'000'000'000;
/// As in StepDetector: a servo that has just been started may do this much.
constexpr double max_slew_ppb = 1'000'000;
constexpr double min_step_ns = 10'000;

double run_apart_ns(std::int64_t distance_ns, double ppb) {
  return static_cast<double>(distance_ns) * ppb / per_billion;
}

std::int64_t rounded(double value) {
  return static_cast<std::int64_t>(std::llround(value));
}

std::int64_t rounded_up(double value) {
  return static_cast<std::int64_t>(std::ceil(value));
}

/// Leaves room for every difference and sum below. A driver may say anything.
bool is_plausible(const CrossTimestamp& look) {
  constexpr std::int64_t latest_ns = INT64_MAX / 4;
  constexpr std::int64_t widest_ns = 1'000'000'000;
  const auto in_range = [](std::int64_t ns) { return ns >= -latest_ns && ns <= latest_ns; };
  return in_range(look.nic_ns) && in_range(look.realtime_ns) && look.half_width_ns >= 0 &&
         look.half_width_ns <= widest_ns;
}

bool is_far(std::int64_t a, std::int64_t b) {
  const auto distance = saturating_difference(a, b);
  return distance > farthest_ns || distance < -farthest_ns;
}

}  // namespace

NicClock::Rate NicClock::rate_between(const Knot& early, const Knot& late) {
  const auto span = static_cast<double>(late.look.realtime_ns - early.look.realtime_ns);
  if (span <= 0) return {};
  const auto apart = static_cast<double>(late.offset_ns() - early.offset_ns());
  const auto width = static_cast<double>(late.look.half_width_ns + early.look.half_width_ns);
  return {apart / span * per_billion, std::min(width / span * per_billion, unknown_rate_ppb)};
}

NicClock::Rate NicClock::rate_before(std::size_t back) const {
  const Knot& late = at(back);
  std::size_t from = back;
  while (from + 1 < kept() && at(from + 1).epoch == late.epoch &&
         late.look.realtime_ns - at(from).look.realtime_ns < rate_span_ns) {
    ++from;
  }
  return rate_between(at(from), late);
}

NicClock::Rate NicClock::rate_after(std::size_t back) const {
  const Knot& early = at(back);
  std::size_t to = back;
  while (to > 0 && at(to - 1).epoch == early.epoch &&
         at(to).look.realtime_ns - early.look.realtime_ns < rate_span_ns) {
    --to;
  }
  return rate_between(early, at(to));
}

NicOffset NicClock::run_on(const Knot& knot, const Rate& rate, std::int64_t realtime_ns) {
  const std::int64_t distance = realtime_ns - knot.look.realtime_ns;
  const double unsure = run_apart_ns(std::llabs(distance), rate.bound_ppb + max_wander_ppb);
  return {knot.offset_ns() + rounded(run_apart_ns(distance, rate.ppb)),
          knot.look.half_width_ns + rounded_up(unsure), knot.epoch};
}

NicOffset NicClock::interpolate(const Knot& early, const Knot& late, std::int64_t realtime_ns) {
  const bool late_is_nearer = std::llabs(late.look.realtime_ns - realtime_ns) <
                              std::llabs(realtime_ns - early.look.realtime_ns);
  const double ppb = rate_between(early, late).ppb;
  auto offset = run_on(late_is_nearer ? late : early, {ppb, 0}, realtime_ns);
  // Both ends of the line may be off by their own width.
  offset.bound_ns += std::max(late.look.half_width_ns, early.look.half_width_ns) -
                     (late_is_nearer ? late : early).look.half_width_ns;
  return offset;
}

std::optional<std::int64_t> NicClock::step_of(const CrossTimestamp& look) const {
  const Knot& last = at(0);
  const Knot now{look, 0};
  const auto moved = saturating_difference(now.offset_ns(), last.offset_ns());
  const auto nic_passed = saturating_difference(look.nic_ns, last.look.nic_ns);
  const auto host_passed = saturating_difference(look.realtime_ns, last.look.realtime_ns);
  if (nic_passed <= 0 || host_passed <= 0) return moved;
  const double tolerance = run_apart_ns(std::min(nic_passed, host_passed), max_slew_ppb) +
                           static_cast<double>(look.half_width_ns + last.look.half_width_ns) +
                           min_step_ns;
  if (std::abs(static_cast<double>(moved)) <= tolerance) return std::nullopt;
  return moved;
}

std::optional<std::int64_t> NicClock::feed(const CrossTimestamp& look) {
  if (!is_plausible(look)) return std::nullopt;
  std::optional<std::int64_t> step;
  if (count_ > 0) step = step_of(look);
  if (step) ++steps_;
  if (step || count_ == 0) first_of_epoch_ = look;
  knots_[count_ % capacity] = {look, steps_};
  ++count_;
  return step;
}

std::optional<NicOffset> NicClock::offset_at(std::int64_t realtime_ns) const {
  if (count_ == 0) return std::nullopt;
  std::size_t before = 0;
  while (before < kept() && at(before).look.realtime_ns > realtime_ns) ++before;
  const bool none_before = before == kept();
  const Knot& knot = at(none_before ? before - 1 : before);
  if (is_far(realtime_ns, knot.look.realtime_ns)) return std::nullopt;
  if (none_before) return run_on(knot, rate_after(before - 1), realtime_ns);
  if (before == 0) return run_on(knot, rate_before(0), realtime_ns);
  const Knot& next = at(before - 1);
  if (next.epoch != knot.epoch) return std::nullopt;
  return interpolate(knot, next, realtime_ns);
}

std::optional<NicClockState> NicClock::state() const {
  if (count_ == 0) return std::nullopt;
  const Knot& last = at(0);
  NicClockState state;
  state.offset = {last.offset_ns(), last.look.half_width_ns, last.epoch};
  state.looks = count_;
  state.steps = steps_;
  const Rate overall = rate_between({*first_of_epoch_, 0}, last);
  state.drift_ppb = overall.ppb;
  state.drift_bound_ppb = overall.bound_ppb;
  return state;
}

}  // namespace netobs
