#pragma once
// What every store must do: run over SQLite and JSON lines by the unit tests, over a MySQL server
// by tests/store.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sample.hpp"

namespace netobs::store {

inline void expect_same(const ProbeRecord& a, const ProbeRecord& b) {
  EXPECT_EQ(a.sequence, b.sequence);
  EXPECT_EQ(a.intended_ns, b.intended_ns);
  EXPECT_EQ(a.send_error_ns, b.send_error_ns);
  EXPECT_EQ(a.outcome, b.outcome);
  EXPECT_EQ(a.reflector_sequence, b.reflector_sequence);
  EXPECT_EQ(a.reply_count, b.reply_count);
  EXPECT_EQ(a.reflector_ttl, b.reflector_ttl);
  EXPECT_EQ(a.reply_ttl, b.reply_ttl);
  EXPECT_EQ(a.clock_stepped, b.clock_stepped);
  EXPECT_EQ(a.reordered, b.reordered);
  EXPECT_EQ(a.ns, b.ns);
  EXPECT_EQ(a.reason, b.reason);
}

inline void check_round_trip(Store& store) {
  ASSERT_TRUE(store.write(to_rows(sample_run()).view()));
  ASSERT_TRUE(store.write(to_rows(sample_run_id, sample_points()).view()));
  ASSERT_TRUE(store.write(to_rows(sample_run_id, sample_rollups()).view()));
  // Out of order and in two batches, with a number of rows that fills no statement evenly.
  ASSERT_TRUE(store.write(probe_batch(sample_probes(5000, 337))));
  ASSERT_TRUE(store.write(probe_batch(sample_probes(0, 5000))));

  const auto run = store.find_run("last");
  ASSERT_TRUE(run) << run.error().message();
  EXPECT_EQ(*run, sample_run());
  EXPECT_THAT(store.load_points(sample_run_id).value(), testing::ContainerEq(sample_points()));
  EXPECT_THAT(store.load_rollups(sample_run_id).value(), testing::ContainerEq(sample_rollups()));
  const auto probes = read_probes(store);
  ASSERT_EQ(probes.size(), 5337U);
  for (std::size_t i = 0; i < probes.size(); ++i) ASSERT_EQ(probes[i].sequence, i);
  expect_same(probes[0], sample_probe(0));
  expect_same(probes[5336], sample_probe(5336));
}

/// The cells of one table and run, in key order.
inline void expect_rows(Store& store, const Batch& expected, std::int64_t run_id) {
  std::size_t seen = 0;
  const auto outcome = store.scan(*expected.table, run_id, [&](const Batch& batch) -> Result<void> {
    for (const auto& cell : batch.cells) {
      const bool known = seen < expected.cells.size();
      EXPECT_TRUE(known && cell == expected.cells[seen])
          << expected.table->name << " cell " << seen;
      ++seen;
    }
    return {};
  });
  EXPECT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(seen, expected.cells.size()) << expected.table->name;
}

/// The tables that are written here and read by SQL: sent twice they are there once.
inline void check_metric_tables(Store& store) {
  constexpr std::int64_t other_run = 5;
  for (const auto& batch : sample_metrics()) {
    ASSERT_TRUE(store.write(batch.view()));
    ASSERT_TRUE(store.write(batch.view()));
  }
  for (const auto& batch : sample_metrics(other_run)) ASSERT_TRUE(store.write(batch.view()));
  for (const auto& batch : sample_metrics()) {
    EXPECT_EQ(store.count_rows(batch.table()).value(), 4U) << batch.table().name;
    expect_rows(store, batch.view(), sample_run_id);
  }
  // A row with the same key takes the place of the one that is there.
  const CountRow more{sample_ns, "sent", 2'000};
  const auto again = to_rows(sample_run_id, std::span(&more, 1));
  ASSERT_TRUE(store.write(again.view()));
  EXPECT_EQ(store.count_rows(interval_counts_table()).value(), 4U);
  ASSERT_TRUE(store.delete_run(sample_run_id));
  for (const auto& batch : sample_metrics(other_run)) {
    EXPECT_EQ(store.count_rows(batch.table()).value(), 2U) << batch.table().name;
    expect_rows(store, batch.view(), other_run);
  }
}

inline void check_upsert(Store& store) {
  auto run = sample_run();
  ASSERT_TRUE(store.write(to_rows(run).view()));
  run.finished_at_ns = sample_ns + 1;
  run.sent = 10'000;
  ASSERT_TRUE(store.write(to_rows(run).view()));
  const auto probes = sample_probes(0, 700);
  ASSERT_TRUE(store.write(probe_batch(probes)));
  ASSERT_TRUE(store.write(probe_batch(probes)));
  EXPECT_THAT(store.list_runs().value(), testing::ElementsAre(run));
  EXPECT_EQ(read_probes(store).size(), 700U);
  EXPECT_EQ(store.count_rows(probes_table()).value(), 700U);
}

inline void check_find_and_delete(Store& store) {
  auto first = sample_run();
  auto second = sample_run();
  second.run_id = 0x7f3b000000000002;
  second.started_at_ns -= 1;
  for (const auto& run : {first, second}) {
    ASSERT_TRUE(store.write(to_rows(run).view()));
    ASSERT_TRUE(store.write(probe_batch(sample_probes(0, 3), run.run_id)));
    ASSERT_TRUE(store.write(to_rows(run.run_id, sample_points()).view()));
  }
  EXPECT_EQ(store.find_run("last").value().run_id, first.run_id);
  EXPECT_EQ(store.find_run("7F3b").value().run_id, second.run_id);
  EXPECT_THAT(store.find_run("7f3").error().message(), testing::HasSubstr("More than one run"));
  EXPECT_THAT(store.find_run("8").error().message(), testing::HasSubstr("no such run"));
  EXPECT_EQ(store.find_run("x").error().exit, ExitCode::usage);
  EXPECT_THAT(store.list_runs(1).value(), testing::ElementsAre(first));

  ASSERT_TRUE(store.delete_run(first.run_id));
  EXPECT_THAT(store.list_runs().value(), testing::ElementsAre(second));
  EXPECT_TRUE(read_probes(store, first.run_id).empty());
  EXPECT_TRUE(store.load_points(first.run_id).value().empty());
  EXPECT_EQ(read_probes(store, second.run_id).size(), 3U);
}

inline void check_refuses_bad_values(Store& store) {
  RollupRow rollup;
  rollup.metric = std::string(max_metric_bytes + 1, 'm');
  const auto outcome = store.write(to_rows(sample_run_id, std::span(&rollup, 1)).view());
  ASSERT_FALSE(outcome);
  EXPECT_THAT(outcome.error().message(), testing::HasSubstr("does not fit the column metric"));
  EXPECT_FALSE(is_transient(outcome.error()));
}

}  // namespace netobs::store
