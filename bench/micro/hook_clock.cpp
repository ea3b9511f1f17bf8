// The map from the clock of a BPF program's events to CLOCK_REALTIME, at 100,000 events/s, with the
// reads of the real clocks that it takes to stay right.

#include "linux/bpf/hook_clock.hpp"

#include "micro/host_units.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

constexpr std::int64_t event_gap_ns = 10'000;
constexpr std::size_t batch = 64;  // events that one look at the ring brings

void to_realtime(benchmark::State& state, netobs_clock kind) {
  auto clock = linux_bpf::HookClock::of(kind, {});
  auto now = os::read_clock_ns(kind == NETOBS_CLOCK_TAI ? CLOCK_TAI : CLOCK_MONOTONIC);
  for ([[maybe_unused]] auto _ : state) {
    clock.look_for_step();
    for (std::size_t i = 0; i < batch; ++i) {
      auto realtime = clock.to_realtime(now += event_gap_ns);
      benchmark::DoNotOptimize(realtime);
    }
  }
  count_items(state, batch);
}

}  // namespace

void register_hook_clock() {
  benchmark::RegisterBenchmark(
      "hook_clock/tai", [](benchmark::State& state) { to_realtime(state, NETOBS_CLOCK_TAI); });
  benchmark::RegisterBenchmark("hook_clock/monotonic", [](benchmark::State& state) {
    to_realtime(state, NETOBS_CLOCK_MONOTONIC);
  });
}

}  // namespace netobs::micro
