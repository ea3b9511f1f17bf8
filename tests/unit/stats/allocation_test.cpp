// Within a block, once every metric has met its powers of two, fold() must not allocate. Counted by
// replacing the global allocation functions of this test program.

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
  const auto fold_some = [&](std::uint64_t from, std::uint64_t end) {
    for (std::uint64_t i = from; i < end; ++i) {
      statistics.fold(i % 3 == 0 ? test::make_record(i, slow) : test::make_record(i));
    }
  };
  constexpr std::uint64_t in_block = BlockRecorder::first_block_probes;
  fold_some(0, in_block + 20);
  const std::size_t before = allocations;
  fold_some(in_block + 20, 2 * in_block);  // the same second and the same block
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_EQ(statistics.probes().sent, 2 * in_block);
}

}  // namespace
}  // namespace netobs::stats
