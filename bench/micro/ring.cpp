// The queue from the hot thread to the record thread: alone, and between two threads.

#include <fmt/format.h>

#include <thread>
#include <vector>

#include "core/base/check.hpp"
#include "core/correlate/observation.hpp"
#include "micro/core_units.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

constexpr std::size_t batch = 4096;  // what the record thread takes at once
constexpr std::size_t capacity = 1U << 18U;

/// In and out again on one thread: the work without any waiting.
void push_and_pop(benchmark::State& state) {
  ObservationQueue queue(capacity);
  std::vector<Observation> out(batch);
  Observation observation;
  for ([[maybe_unused]] auto _ : state) {
    for (std::size_t i = 0; i < batch; ++i) {
      ++observation.sequence;
      queue.push(observation);
    }
    auto taken = queue.pop(out);
    benchmark::DoNotOptimize(taken);
    benchmark::ClobberMemory();
  }
  NETOBS_CHECK(queue.lost() == 0 && out.back().sequence == observation.sequence, "{} lost, last {}",
               queue.lost(), out.back().sequence);
  count_items(state, batch);
}

/// Both ends at once, each as fast as it can. A full queue makes the producer wait here, so that
/// every observation is handed over.
void between_threads(benchmark::State& state) {
  constexpr std::uint64_t total = 1U << 20U;
  std::vector<Observation> out(batch);
  for ([[maybe_unused]] auto _ : state) {
    SpscRing<Observation> ring(capacity);
    std::jthread producer([&ring] {
      Observation observation;
      while (observation.sequence < total) {
        if (ring.push(observation)) {
          ++observation.sequence;
        } else {
          std::this_thread::yield();
        }
      }
    });
    std::uint64_t expected = 0;
    while (expected < total) {
      const auto taken = ring.pop(out);
      if (taken == 0) std::this_thread::yield();
      NETOBS_CHECK(taken == 0 || out[0].sequence == expected, "{} instead of {}", out[0].sequence,
                   expected);
      expected += taken;
    }
  }
  count_items(state, total);
}

}  // namespace

void register_ring() {
  benchmark::RegisterBenchmark("ring/push_and_pop", push_and_pop);
  benchmark::RegisterBenchmark("ring/between_threads", between_threads)
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace netobs::micro
