// fold() runs on the hot side of a run: once every metric has met its powers of two, it must not
// allocate. Counted by replacing the global allocation functions of this test program.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "core/stats/run_statistics.hpp"
#include "unit/stats/records.hpp"

namespace {
std::size_t allocations = 0;
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace netobs::stats {
namespace {

TEST(RunStatistics, FoldDoesNotAllocateInSteadyState) {
  RunStatisticsConfig config;
  config.plan = plan_of(test::all_software, test::all_software);
  RunStatistics statistics(config);
  auto slow = test::usual_intervals;
  for (auto& each : slow) each += each / 2;
  const auto fold_some = [&](std::uint64_t from) {
    for (std::uint64_t i = from; i < from + 200; ++i) {
      statistics.fold(i % 3 == 0 ? test::make_record(i, slow) : test::make_record(i));
    }
  };
  fold_some(0);
  const std::size_t before = allocations;
  fold_some(200);  // the same second, so the same interval
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_EQ(statistics.probes().sent, 400U);
}

}  // namespace
}  // namespace netobs::stats
