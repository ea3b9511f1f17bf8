#pragma once
// What removing old rows must do in every store that can: run over SQLite by the unit tests, over a
// MySQL server by tests/store.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "sample.hpp"
#include "store/prune.hpp"

namespace netobs::store {

inline constexpr std::int64_t first_run = 10;       // probes 0 to 99
inline constexpr std::int64_t straddling_run = 20;  // probes 50 to 149
inline constexpr std::int64_t young_run = 30;       // probes 200 to 209
inline constexpr std::int64_t sparse_run = 40;      // probes 0, 5, 7, 95, 120
inline constexpr std::int64_t unlisted_run = 50;    // probes 98 to 101, without a row in `runs`
/// Probe n of every run is intended n milliseconds after sample_ns: 100 is the first that stays.
inline constexpr std::int64_t prune_before_ns = sample_ns + 100'000'000;

inline std::set<std::uint64_t> sequences_of(Store& store, std::int64_t run_id) {
  std::set<std::uint64_t> sequences;
  for (const auto& record : read_probes(store, run_id)) sequences.insert(record.sequence);
  return sequences;
}

inline std::set<std::uint64_t> range(std::uint64_t first, std::uint64_t end) {
  std::set<std::uint64_t> numbers;
  for (; first < end; ++first) numbers.insert(first);
  return numbers;
}

inline void write_runs_to_prune(Store& store) {
  for (const auto run_id : {first_run, straddling_run, young_run, sparse_run}) {
    auto run = sample_run();
    run.run_id = run_id;
    // Under way, as far as anybody knows.
    run.finished_at_ns.reset();
    ASSERT_TRUE(store.write(to_rows(run).view()));
    ASSERT_TRUE(store.write(to_rows(run_id, sample_points()).view()));
    ASSERT_TRUE(store.write(to_rows(run_id, sample_rollups()).view()));
    for (const auto& batch : sample_metrics(run_id)) ASSERT_TRUE(store.write(batch.view()));
  }
  ASSERT_TRUE(store.write(probe_batch(sample_probes(0, 100), first_run)));
  ASSERT_TRUE(store.write(probe_batch(sample_probes(50, 100), straddling_run)));
  ASSERT_TRUE(store.write(probe_batch(sample_probes(200, 10), young_run)));
  for (const std::uint64_t sequence : {0U, 5U, 7U, 95U, 120U}) {
    ASSERT_TRUE(store.write(probe_batch(sample_probes(sequence, 1), sparse_run)));
  }
  ASSERT_TRUE(store.write(probe_batch(sample_probes(98, 4), unlisted_run)));
}

inline PruneReport prune(Store& store, bool dry_run = false, std::uint64_t most_batches = 1000) {
  PruneOptions options;
  options.before_ns = prune_before_ns;
  options.dry_run = dry_run;
  options.batch_rows = 7;
  const auto report = prune_probes(
      store, options, [&](const PruneReport& so_far) { return so_far.batches < most_batches; });
  EXPECT_TRUE(report) << report.error().message();
  return report.value_or(PruneReport{});
}

inline std::uint64_t rows_besides_probes(Store& store) {
  std::uint64_t rows = 0;
  for (const Table* table : all_tables()) {
    if (table != &probes_table()) rows += store.count_rows(*table).value();
  }
  return rows;
}

inline void expect_pruned(Store& store) {
  EXPECT_THAT(sequences_of(store, first_run), testing::IsEmpty());
  EXPECT_EQ(sequences_of(store, straddling_run), range(100, 150));
  EXPECT_EQ(sequences_of(store, young_run), range(200, 210));
  EXPECT_EQ(sequences_of(store, sparse_run), range(120, 121));
  EXPECT_EQ(sequences_of(store, unlisted_run), range(100, 102));
}

inline void check_prune(Store& store) {
  write_runs_to_prune(store);
  const auto others = rows_besides_probes(store);
  // 100 + 50 + 4 + 2 rows. In steps of at most 7: 15 for the first run, 8, 1, 1.
  for (const bool dry_run : {true, false}) {
    const auto report = prune(store, dry_run);
    EXPECT_EQ(report.rows, 156U);
    EXPECT_EQ(report.runs, 4U);
    EXPECT_EQ(report.runs_in_part, 3U);
    EXPECT_EQ(report.batches, 25U);
    EXPECT_FALSE(report.interrupted);
    EXPECT_EQ(store.count_rows(probes_table()).value(), dry_run ? 219U : 63U);
  }
  expect_pruned(store);
  EXPECT_EQ(rows_besides_probes(store), others);
  const auto again = prune(store);
  EXPECT_EQ(again.rows + again.runs + again.runs_in_part + again.batches, 0U);
  expect_pruned(store);
  // Rows that come late, from a spool, go the next time.
  ASSERT_TRUE(store.write(probe_batch(sample_probes(3, 2), first_run)));
  EXPECT_EQ(prune(store).rows, 2U);
  expect_pruned(store);
}

inline void check_interrupted_prune(Store& store) {
  write_runs_to_prune(store);
  const auto report = prune(store, false, 3);
  EXPECT_TRUE(report.interrupted);
  EXPECT_EQ(report.rows, 21U);
  EXPECT_EQ(report.batches, 3U);
  EXPECT_EQ(sequences_of(store, first_run), range(21, 100));
  EXPECT_EQ(sequences_of(store, straddling_run), range(50, 150));
  const auto rest = prune(store);
  EXPECT_EQ(rest.rows, 135U);
  EXPECT_EQ(rest.batches, 22U);
  expect_pruned(store);
}

/// The clock was set back after 20 probes: what follows a young row stays as long as it.
inline void check_prune_with_a_clock_set_back(Store& store) {
  auto records = sample_probes(90, 20);
  for (auto& late : sample_probes(110, 20)) {
    late.intended_ns -= 60'000'000;
    records.push_back(late);
  }
  ASSERT_TRUE(store.write(probe_batch(records, first_run)));
  EXPECT_EQ(prune(store).rows, 10U);
  EXPECT_EQ(sequences_of(store, first_run), range(100, 130));
}

}  // namespace netobs::store
