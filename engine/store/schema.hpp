#pragma once
// The tables as data, and the SQL that follows from them. Every primary key starts with run_id and
// nothing counts up by itself, so the same schema runs on one file, on MySQL and MariaDB, and on
// MySQL-compatible engines that spread a table over machines.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/layer/point.hpp"
#include "store/row.hpp"

namespace netobs::store {

/// Raised by one whenever a table below changes. A new table raises nothing: it is made when a
/// store without it is opened for writing. Kept in the table `netobs_schema`.
/// 2: columns of xdp_rx, xdp_tx and tx_completion in `probes`.
inline constexpr std::int64_t schema_version = 3;
/// A store from this version on is read as it is, and upgraded when it is opened for writing.
inline constexpr std::int64_t oldest_schema_version = 1;
inline constexpr std::string_view schema_table_name = "netobs_schema";

/// One row per run: when, what, how many, and `document`, the JSON of the whole run.
[[nodiscard]] const Table& runs_table();
/// One row per probe, wide: a column `<host>_<point>` per slot, absolute ns, NULL = no timestamp.
[[nodiscard]] const Table& probes_table();
/// One row per run, host, point and reason: how many slots ended that way ("requested": asked for).
[[nodiscard]] const Table& run_points_table();
/// One row per run, metric and interval: count, extremes, quantiles, a mergeable distribution.
[[nodiscard]] const Table& rollups_table();
/// One row per run and metric, made when the run ends: what rollups_table() says of an interval,
/// and what the metric is, for whoever shows it.
[[nodiscard]] const Table& run_metrics_table();
/// The round trips (rtt.*) of an interval in few buckets, from low_ns up to below high_ns, whose
/// edges are the same for every run: what SQL can read of a distribution. Empty ones have no row.
[[nodiscard]] const Table& rollup_buckets_table();
/// What became of the probes of an interval: a row per name, as stats::count_names has them.
[[nodiscard]] const Table& interval_counts_table();
/// One row per `netobs check`: what it found, NULL for what it did not, and `document`, its JSON.
[[nodiscard]] const Table& udp_metrics_table();

[[nodiscard]] std::span<const Table* const> all_tables();
/// Added since schema version 1 was first made: a store of then lacks it and is read without it.
[[nodiscard]] bool is_added_table(const Table& table);
/// nullptr when there is no such table.
[[nodiscard]] const Table* find_table(std::string_view name);

/// The probes table's columns before the slots, in order.
enum class ProbeColumn : std::uint8_t {
  run_id,
  sequence,
  intended_ns,
  send_error_ns,
  outcome,
  reflector_sequence,
  reply_count,
  reflector_ttl,
  reply_ttl,
  flags,
};
inline constexpr std::size_t probe_slot_offset = 10;
inline constexpr std::size_t probe_column_count = probe_slot_offset + slot_count;
inline constexpr std::int64_t probe_flag_clock_stepped = 1;
inline constexpr std::int64_t probe_flag_reordered = 2;

inline constexpr std::size_t max_metric_bytes = 120;
inline constexpr std::size_t max_condition_bytes = 255;  // names and addresses in udp_metrics
inline constexpr std::size_t max_label_bytes = 255;

enum class Dialect : std::uint8_t { sqlite, mysql };

/// CREATE TABLE IF NOT EXISTS ...
[[nodiscard]] std::string create_table_sql(const Table& table, Dialect dialect);
/// CREATE TABLE IF NOT EXISTS for the version row's table: (component, version).
[[nodiscard]] std::string create_schema_table_sql(Dialect dialect);
/// Everything up to and including VALUES, and the clause that turns a second insert of the same key
/// into an update. Between them stand the rows.
[[nodiscard]] std::string insert_head_sql(const Table& table);
[[nodiscard]] std::string upsert_tail_sql(const Table& table, Dialect dialect);
/// A prepared upsert of `rows` rows: head, that many groups of placeholders, tail.
[[nodiscard]] std::string upsert_sql(const Table& table, Dialect dialect, std::size_t rows);
/// "`a`,`b`,...": all columns of the table, with NULL in the place of those that a store of
/// `version` does not have.
[[nodiscard]] std::string column_list(const Table& table, std::int64_t version = schema_version);
/// ALTER TABLE for what a table of an earlier version lacks; `present`: the columns it has. MySQL:
/// at most one statement, so that all columns come at once. SQLite: one for each.
[[nodiscard]] std::vector<std::string> add_columns_sql(const Table& table,
                                                       std::span<const std::string> present,
                                                       Dialect dialect);
/// UPDATE of the version row, which never lowers it.
[[nodiscard]] std::string raise_version_sql();

}  // namespace netobs::store
