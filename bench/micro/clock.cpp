// What every turn of the hot loop does to see a step of the clock, and the times on the wire.

#include <array>

#include "core/base/check.hpp"
#include "core/clock/step_detector.hpp"
#include "core/wire/time_format.hpp"
#include "micro/core_units.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

constexpr std::int64_t start_ns = 1'764'000'000'000'000'000;

/// A clock that is slewed a little and never set: no step may be reported.
void step_detector(benchmark::State& state) {
  StepDetector detector;
  std::int64_t now = 0;
  std::int64_t steps = 0;
  for ([[maybe_unused]] auto _ : state) {
    now += 1'000'000;
    const std::int64_t slewed = now + now / 100'000;
    const auto step = detector.feed({now}, {start_ns + slewed + 15}, {now + 30});
    steps += step.has_value() ? 1 : 0;
  }
  NETOBS_CHECK(steps == 0, "{} steps of a clock without any", steps);
  count_items(state, 1);
}

void ntp_from_ns(benchmark::State& state) {
  std::int64_t now = start_ns;
  for ([[maybe_unused]] auto _ : state) {
    auto ntp = wire::ntp_from_unix_ns(now);
    benchmark::DoNotOptimize(ntp);
    now += 500'001;
  }
  count_items(state, 1);
}

void ns_from_ntp(benchmark::State& state) {
  std::uint64_t ntp = wire::ntp_from_unix_ns(start_ns);
  NETOBS_CHECK(wire::unix_ns_from_ntp(ntp, start_ns) == start_ns, "not an inverse");
  for ([[maybe_unused]] auto _ : state) {
    auto ns = wire::unix_ns_from_ntp(ntp, start_ns);
    benchmark::DoNotOptimize(ns);
    ntp += 2'147'483;
  }
  count_items(state, 1);
}

}  // namespace

void register_clock() {
  benchmark::RegisterBenchmark("clock/step_detector", step_detector);
  benchmark::RegisterBenchmark("clock/ntp_from_ns", ntp_from_ns);
  benchmark::RegisterBenchmark("clock/ns_from_ntp", ns_from_ntp);
}

}  // namespace netobs::micro
