#include "store/schema.hpp"

#include <gmock/gmock.h>

#include "store/rows.hpp"

namespace netobs::store {
namespace {

using testing::HasSubstr;

TEST(Schema, EveryKeyStartsWithTheRunAndNothingCountsUp) {
  for (const Table* table : all_tables()) {
    EXPECT_EQ(table->columns.front().name, "run_id") << table->name;
    for (std::size_t i = 0; i < table->key_columns; ++i) EXPECT_FALSE(table->columns[i].nullable);
    for (const auto dialect : {Dialect::sqlite, Dialect::mysql}) {
      EXPECT_THAT(create_table_sql(*table, dialect), Not(HasSubstr("AUTO")));
    }
  }
}

TEST(Schema, RunPointsInBothDialects) {
  EXPECT_EQ(create_table_sql(run_points_table(), Dialect::sqlite),
            "CREATE TABLE IF NOT EXISTS `run_points` (`run_id` INTEGER NOT NULL, `host` TEXT NOT "
            "NULL, `point` TEXT NOT NULL, `reason` TEXT NOT NULL, `count` INTEGER NOT NULL, "
            "PRIMARY KEY (`run_id`,`host`,`point`,`reason`)) WITHOUT ROWID");
  EXPECT_EQ(create_table_sql(run_points_table(), Dialect::mysql),
            "CREATE TABLE IF NOT EXISTS `run_points` (`run_id` BIGINT NOT NULL, `host` VARCHAR(32) "
            "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, `point` VARCHAR(32) CHARACTER SET "
            "utf8mb4 COLLATE utf8mb4_bin NOT NULL, `reason` VARCHAR(32) CHARACTER SET utf8mb4 "
            "COLLATE utf8mb4_bin NOT NULL, `count` BIGINT NOT NULL, PRIMARY KEY "
            "(`run_id`,`host`,`point`,`reason`))");
}

TEST(Schema, UpsertInBothDialects) {
  EXPECT_EQ(upsert_sql(run_points_table(), Dialect::sqlite, 2),
            "INSERT INTO `run_points` (`run_id`,`host`,`point`,`reason`,`count`) VALUES "
            "(?,?,?,?,?),(?,?,?,?,?) ON CONFLICT (`run_id`,`host`,`point`,`reason`) DO UPDATE SET "
            "`count`=excluded.`count`");
  EXPECT_EQ(upsert_sql(run_points_table(), Dialect::mysql, 1),
            "INSERT INTO `run_points` (`run_id`,`host`,`point`,`reason`,`count`) VALUES "
            "(?,?,?,?,?) ON DUPLICATE KEY UPDATE `count`=VALUES(`count`)");
}

TEST(Schema, ProbesHaveAColumnPerSlot) {
  const auto& columns = probes_table().columns;
  ASSERT_EQ(columns.size(), 44U);
  EXPECT_EQ(columns[10].name, "sender_app_tx");
  EXPECT_EQ(columns[21].name, "sender_app_rx");
  EXPECT_EQ(columns[22].name, "sender_xdp_rx");
  EXPECT_EQ(columns[24].name, "sender_tx_completion");
  EXPECT_EQ(columns[26].name, "sender_pcap_rx");
  EXPECT_EQ(columns[27].name, "reflector_app_tx");
  EXPECT_EQ(columns[35].name, "reflector_tc_ingress");
  EXPECT_EQ(columns[43].name, "reflector_pcap_rx");
  for (std::size_t i = 10; i < 44; ++i) EXPECT_TRUE(columns[i].nullable);
}

TEST(Schema, WhatALaterVersionAddedCanBeMissing) {
  for (const Table* table : all_tables()) {
    for (std::size_t i = 0; i < table->columns.size(); ++i) {
      const auto& column = table->columns[i];
      EXPECT_GE(column.since, oldest_schema_version) << column.name;
      EXPECT_LE(column.since, schema_version) << column.name;
      // ALTER TABLE can only add what rows without a value may have.
      const bool can_be_added = column.nullable && i >= table->key_columns;
      EXPECT_TRUE(column.since == 1 || can_be_added) << column.name;
    }
  }
}

TEST(Schema, ColumnsOfAnEarlierVersion) {
  const Table table{"t", {{"a", Type::integer, false}, {"b", Type::integer, true, 0, 2}}, 1};
  EXPECT_EQ(column_list(table), "`a`,`b`");
  EXPECT_EQ(column_list(table, 1), "`a`,NULL");
  EXPECT_EQ(column_list(runs_table(), 1), column_list(runs_table()));
}

TEST(Schema, AddsTheColumnsThatAreMissing) {
  std::vector<std::string> present;
  for (const auto& column : probes_table().columns) {
    if (column.since != 2 || column.name == "sender_xdp_tx") present.emplace_back(column.name);
  }
  ASSERT_EQ(present.size(), 39U);
  const auto mysql = add_columns_sql(probes_table(), present, Dialect::mysql);
  EXPECT_THAT(mysql, testing::ElementsAre(
                         "ALTER TABLE `probes` ADD COLUMN `sender_xdp_rx` BIGINT, ADD COLUMN "
                         "`sender_tx_completion` BIGINT, ADD COLUMN `reflector_xdp_rx` BIGINT, "
                         "ADD COLUMN `reflector_xdp_tx` BIGINT, ADD COLUMN "
                         "`reflector_tx_completion` BIGINT"));
  const auto sqlite = add_columns_sql(probes_table(), present, Dialect::sqlite);
  ASSERT_EQ(sqlite.size(), 5U);
  EXPECT_EQ(sqlite[0], "ALTER TABLE `probes` ADD COLUMN `sender_xdp_rx` INTEGER");
  EXPECT_THAT(add_columns_sql(runs_table(), {}, Dialect::mysql), testing::IsEmpty());
  EXPECT_EQ(raise_version_sql(),
            "UPDATE `netobs_schema` SET version=3 WHERE component='netobs' AND version<3");
}

TEST(Schema, UdpMetricsHasNullForEveryFigure) {
  const auto& columns = udp_metrics_table().columns;
  ASSERT_EQ(columns.size(), 45U);
  EXPECT_EQ(udp_metrics_table().key_columns, 1U);
  for (const auto& column : columns) {
    const bool always = column.name == "run_id" || column.name == "started_at_ns" ||
                        column.name == "target" || column.name == "document";
    EXPECT_EQ(column.nullable, !always) << column.name;
  }
  const auto mysql = create_table_sql(udp_metrics_table(), Dialect::mysql);
  EXPECT_THAT(mysql,
              HasSubstr("CREATE TABLE IF NOT EXISTS `udp_metrics` (`run_id` BIGINT NOT NULL, "
                        "`started_at_ns` BIGINT NOT NULL, `target` VARCHAR(255)"));
  EXPECT_THAT(mysql, HasSubstr("`tcp_upload_retransmits` BIGINT, "));
}

TEST(Schema, TablesForDashboards) {
  EXPECT_EQ(create_table_sql(interval_counts_table(), Dialect::mysql),
            "CREATE TABLE IF NOT EXISTS `interval_counts` (`run_id` BIGINT NOT NULL, "
            "`interval_start_ns` BIGINT NOT NULL, `name` VARCHAR(32) CHARACTER SET utf8mb4 COLLATE "
            "utf8mb4_bin NOT NULL, `count` BIGINT NOT NULL, PRIMARY KEY "
            "(`run_id`,`interval_start_ns`,`name`))");
  EXPECT_EQ(create_table_sql(rollup_buckets_table(), Dialect::sqlite),
            "CREATE TABLE IF NOT EXISTS `rollup_buckets` (`run_id` INTEGER NOT NULL, `metric` TEXT "
            "NOT NULL, `interval_start_ns` INTEGER NOT NULL, `low_ns` INTEGER NOT NULL, `high_ns` "
            "INTEGER NOT NULL, `count` INTEGER NOT NULL, PRIMARY KEY "
            "(`run_id`,`metric`,`interval_start_ns`,`low_ns`)) WITHOUT ROWID");
  EXPECT_THAT(create_table_sql(run_metrics_table(), Dialect::sqlite),
              HasSubstr("`mean_ns` REAL NOT NULL, `p50_ns` INTEGER, "));
  EXPECT_THAT(create_table_sql(run_metrics_table(), Dialect::sqlite),
              HasSubstr("PRIMARY KEY (`run_id`,`metric`)"));
  EXPECT_THAT(create_table_sql(runs_table(), Dialect::mysql),
              HasSubstr("PRIMARY KEY (`run_id`), KEY `runs_by_started_at_ns` "
                        "(`started_at_ns`,`finished_at_ns`,`target`))"));
}

TEST(Schema, FindsTablesByName) {
  EXPECT_EQ(find_table("rollups"), &rollups_table());
  EXPECT_EQ(find_table("Rollups"), nullptr);
  EXPECT_EQ(find_table(""), nullptr);
}

TEST(Rows, HostileCellsAreErrors) {
  std::vector<Cell> cells;
  append_probe(cells, 1, ProbeRecord{});
  ASSERT_TRUE(probe_from(cells));
  const auto with = [&](std::size_t column, Cell cell) {
    auto changed = cells;
    changed[column] = cell;
    return probe_from(changed).has_value();
  };
  EXPECT_FALSE(with(1, Cell::of(-1)));  // sequence
  EXPECT_FALSE(with(2, Cell::null()));  // intended_ns
  EXPECT_FALSE(with(4, Cell::of(6)));   // outcome: one past the last
  EXPECT_TRUE(with(4, Cell::of(5)));
  EXPECT_FALSE(with(5, Cell::of(4'294'967'296)));  // reflector_sequence
  EXPECT_FALSE(with(7, Cell::of(256)));            // TTL
  EXPECT_FALSE(with(9, Cell::of(4)));              // an unknown flag
  EXPECT_FALSE(with(12, Cell::of_text("never")));  // a slot
  EXPECT_FALSE(with(12, Cell::of_real(1.5)));
}

TEST(Rows, RunIdsAreSixteenHexDigits) {
  EXPECT_EQ(run_id_text(0x7f3a), "0000000000007f3a");
  const auto id = make_run_id();
  ASSERT_TRUE(id);
  EXPECT_GT(*id, 0);
  EXPECT_EQ(run_id_text(*id).size(), 16U);
}

}  // namespace
}  // namespace netobs::store
