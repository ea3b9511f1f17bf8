// The next intended send time.

#include "core/session/schedule.hpp"

#include "micro/core_units.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

void advance(benchmark::State& state, const ScheduleConfig& config) {
  Schedule schedule(config, MonotonicTime{1'000'000'000});
  for ([[maybe_unused]] auto _ : state) {
    schedule.advance();
    auto next = schedule.peek();
    benchmark::DoNotOptimize(next);
  }
  count_items(state, 1);
}

void add(const char* name, ScheduleConfig config) {
  benchmark::RegisterBenchmark(name, [config](benchmark::State& state) { advance(state, config); });
}

}  // namespace

void register_schedule() {
  constexpr std::uint64_t second_ns = 1'000'000'000;
  add("schedule/isochronous", {.kind = ScheduleKind::isochronous, .period_ns = 1'000'000});
  // A rate that does not divide a second carries a remainder.
  add("schedule/fraction",
      {.kind = ScheduleKind::isochronous, .period_ns = second_ns, .period_divisor = 30'007});
  add("schedule/poisson",
      {.kind = ScheduleKind::poisson, .period_ns = 1'000'000, .seed = input_seed});
}

}  // namespace netobs::micro
