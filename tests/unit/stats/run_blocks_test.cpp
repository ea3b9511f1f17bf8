#include "core/stats/run_blocks.hpp"

#include <gtest/gtest.h>

#include "core/stats/run_statistics.hpp"
#include "unit/stats/records.hpp"

namespace netobs::stats {
namespace {

BlockRecorder filled(std::uint64_t probes) {
  BlockRecorder recorder;
  recorder.set_metrics(2);
  for (std::uint64_t i = 0; i < probes; ++i) {
    recorder.next_probe(i % 10 == 0);
    if (i % 10 != 0) recorder.add(0, static_cast<std::int64_t>(i / 100));
  }
  return recorder;
}

TEST(RunBlocks, OneValuePerFullBlock) {
  const RunBlocks blocks = filled(350).finished({"a", "never"});
  EXPECT_EQ(blocks.probes, 100U);
  EXPECT_EQ(blocks.lost, (std::vector<std::uint64_t>{10, 10, 10}));
  ASSERT_EQ(blocks.metrics.size(), 1U);
  EXPECT_EQ(blocks.metrics[0].key, "a");
  EXPECT_EQ(blocks.metrics[0].p50, (std::vector<std::optional<std::int64_t>>{0, 1, 2}));
  // 90 values support no p99.
  EXPECT_EQ(blocks.metrics[0].p99, (std::vector<std::optional<std::int64_t>>(3)));
}

TEST(RunBlocks, TheLastBlockCountsOnceItIsFull) {
  EXPECT_EQ(filled(299).finished({"a", "b"}).lost.size(), 2U);
  EXPECT_EQ(filled(300).finished({"a", "b"}).lost.size(), 3U);
  EXPECT_TRUE(filled(0).finished({"a", "b"}).lost.empty());
  EXPECT_TRUE(filled(99).finished({"a", "b"}).lost.empty());
}

TEST(RunBlocks, LongRunsHaveLongerBlocks) {
  constexpr std::uint64_t most = BlockRecorder::most_blocks;
  const RunBlocks full = filled(100 * most).finished({"a", "b"});
  EXPECT_EQ(full.probes, 100U);
  EXPECT_EQ(full.lost.size(), most);
  const RunBlocks merged = filled(100 * most + 200).finished({"a", "b"});
  EXPECT_EQ(merged.probes, 200U);
  ASSERT_EQ(merged.lost.size(), most / 2 + 1);
  EXPECT_EQ(merged.lost.back(), 20U);
  EXPECT_EQ(merged.metrics[0].p50.back(), static_cast<std::int64_t>(most));
  const RunBlocks longer = filled(1'000'000).finished({"a", "b"});
  EXPECT_LE(longer.lost.size(), most);
  EXPECT_GE(longer.lost.size(), most / 2);
}

TEST(RunBlocks, OfARunHoldViewsAndSegments) {
  RunStatisticsConfig config;
  config.plan = plan_of(test::all_software, test::all_software);
  RunStatistics statistics(config);
  for (std::uint64_t i = 0; i < 200; ++i) statistics.fold(test::make_record(i));
  statistics.fold(test::make_lost(200));
  const RunBlocks blocks = statistics.blocks();
  EXPECT_EQ(blocks.lost, (std::vector<std::uint64_t>{0, 0}));
  ASSERT_FALSE(blocks.metrics.empty());
  EXPECT_EQ(blocks.metrics[0].key, "rtt.app");
  EXPECT_EQ(blocks.metrics[0].p50[0], statistics.totals().at("rtt.app").quantile(p50));
  EXPECT_EQ(blocks.metrics.back().key, statistics.path().segments.back().key());
}

}  // namespace
}  // namespace netobs::stats
