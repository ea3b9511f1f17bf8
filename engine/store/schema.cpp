#include "store/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace netobs::store {
namespace {

constexpr std::uint16_t small = 16;
constexpr std::uint16_t word = 32;  // longest host, point or reason name, with room

/// Points are appended, so their number tells when they came.
std::int64_t version_of(Point point) {
  constexpr std::size_t points_of_version_1 = 12;
  constexpr std::size_t points_of_version_2 = 15;
  if (index(point) < points_of_version_1) return 1;
  return index(point) < points_of_version_2 ? 2 : 3;
}

const std::array<std::string, slot_count>& slot_names() {
  static const auto names = [] {
    std::array<std::string, slot_count> made;
    for (std::size_t i = 0; i < slot_count; ++i) {
      made[i] = fmt::format("{}_{}", name(slot_host(i)), name(slot_point(i)));
    }
    return made;
  }();
  return names;
}

Table make_probes() {
  Table table{"probes",
              {{"run_id", Type::integer, false},
               {"sequence", Type::integer, false},
               {"intended_ns", Type::integer, false},
               {"send_error_ns", Type::integer, false},
               {"outcome", Type::integer, false, small},
               {"reflector_sequence", Type::integer, false},
               {"reply_count", Type::integer, false},
               {"reflector_ttl", Type::integer, false, small},
               {"reply_ttl", Type::integer, false, small},
               {"flags", Type::integer, false, small}},
              2};
  for (std::size_t i = 0; i < slot_count; ++i) {
    table.columns.push_back({slot_names()[i], Type::integer, true, 0, version_of(slot_point(i))});
  }
  return table;
}

std::string sqlite_type(const Column& column) {
  switch (column.type) {
    case Type::integer:
      return "INTEGER";
    case Type::real:
      return "REAL";
    case Type::text:
      return "TEXT";
    case Type::blob:
      return "BLOB";
  }
  return {};
}

std::string mysql_type(const Column& column) {
  switch (column.type) {
    case Type::integer:
      return column.width == small ? "SMALLINT" : "BIGINT";
    case Type::real:
      return "DOUBLE";
    case Type::text:
      // Names are compared byte by byte in every store, so the collation says so.
      return column.width == 0
                 ? "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
                 : fmt::format("VARCHAR({}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                               column.width);
    case Type::blob:
      return "LONGBLOB";
  }
  return {};
}

std::string column_definition(const Column& column, Dialect dialect) {
  return fmt::format("`{}` {}{}", column.name,
                     dialect == Dialect::sqlite ? sqlite_type(column) : mysql_type(column),
                     column.nullable ? "" : " NOT NULL");
}

/// Dashboards look for the runs of a time range. Without it they read the documents of all runs.
std::string index_clause(const Table& table, Dialect dialect) {
  if (dialect != Dialect::mysql || table.index.empty()) return {};
  return fmt::format(", KEY `{}_by_{}` (`{}`)", table.name, table.index.front(),
                     fmt::join(table.index, "`,`"));
}

std::string key_list(const Table& table) {
  std::string text;
  for (std::size_t i = 0; i < table.key_columns; ++i) {
    text += fmt::format("{}`{}`", i == 0 ? "" : ",", table.columns[i].name);
  }
  return text;
}

// In a trial with the 34 columns of version 1 WITHOUT ROWID wrote within 7 % of a rowid table,
// either way. It needs no second index and keeps a run's rows in the order in which they are read.
std::string_view table_options(Dialect dialect) {
  return dialect == Dialect::sqlite ? " WITHOUT ROWID" : "";
}

}  // namespace

const Table& runs_table() {
  static const Table table{"runs",
                           {{"run_id", Type::integer, false},
                            {"started_at_ns", Type::integer, false},
                            {"finished_at_ns", Type::integer, true},
                            {"target", Type::text, false, 255},
                            {"transport", Type::text, false, 255},
                            {"schedule", Type::text, false, 255},
                            {"sent", Type::integer, false},
                            {"received", Type::integer, false},
                            {"lost", Type::integer, false},
                            {"document", Type::text, false}},
                           1,
                           {"started_at_ns", "finished_at_ns", "target"}};
  return table;
}

const Table& probes_table() {
  static const Table table = make_probes();
  return table;
}

const Table& run_points_table() {
  static const Table table{"run_points",
                           {{"run_id", Type::integer, false},
                            {"host", Type::text, false, word},
                            {"point", Type::text, false, word},
                            {"reason", Type::text, false, word},
                            {"count", Type::integer, false}},
                           4};
  return table;
}

const Table& rollups_table() {
  static const Table table{"rollups",
                           {{"run_id", Type::integer, false},
                            {"metric", Type::text, false, max_metric_bytes},
                            {"interval_start_ns", Type::integer, false},
                            {"count", Type::integer, false},
                            {"min_ns", Type::integer, false},
                            {"max_ns", Type::integer, false},
                            {"mean_ns", Type::real, false},
                            {"p50_ns", Type::integer, true},
                            {"p90_ns", Type::integer, true},
                            {"p99_ns", Type::integer, true},
                            {"p99_9_ns", Type::integer, true},
                            {"distribution", Type::blob, false}},
                           3};
  return table;
}

const Table& run_metrics_table() {
  static const Table table{"run_metrics",
                           {{"run_id", Type::integer, false},
                            {"metric", Type::text, false, max_metric_bytes},
                            {"kind", Type::text, false, word},
                            {"position", Type::integer, false},
                            {"label", Type::text, false, max_label_bytes},
                            {"host", Type::text, false, word},
                            {"count", Type::integer, false},
                            {"min_ns", Type::integer, false},
                            {"max_ns", Type::integer, false},
                            {"mean_ns", Type::real, false},
                            {"p50_ns", Type::integer, true},
                            {"p90_ns", Type::integer, true},
                            {"p99_ns", Type::integer, true},
                            {"p99_9_ns", Type::integer, true}},
                           2};
  return table;
}

const Table& rollup_buckets_table() {
  static const Table table{"rollup_buckets",
                           {{"run_id", Type::integer, false},
                            {"metric", Type::text, false, max_metric_bytes},
                            {"interval_start_ns", Type::integer, false},
                            {"low_ns", Type::integer, false},
                            {"high_ns", Type::integer, false},
                            {"count", Type::integer, false}},
                           4};
  return table;
}

const Table& interval_counts_table() {
  static const Table table{"interval_counts",
                           {{"run_id", Type::integer, false},
                            {"interval_start_ns", Type::integer, false},
                            {"name", Type::text, false, word},
                            {"count", Type::integer, false}},
                           3};
  return table;
}

const Table& udp_metrics_table() {
  static const Table table{"udp_metrics",
                           {{"run_id", Type::integer, false},
                            {"started_at_ns", Type::integer, false},
                            {"target", Type::text, false, max_condition_bytes},
                            {"address", Type::text, true, max_condition_bytes},
                            {"private_ip", Type::text, true, max_condition_bytes},
                            {"interface", Type::text, true, max_condition_bytes},
                            {"public_ip", Type::text, true, max_condition_bytes},
                            {"dns_ns", Type::real, true},
                            {"path_mtu_bytes", Type::integer, true},
                            {"hop_count", Type::integer, true},
                            {"icmp_sent", Type::integer, true},
                            {"icmp_received", Type::integer, true},
                            {"icmp_min_ns", Type::integer, true},
                            {"icmp_mean_ns", Type::real, true},
                            {"icmp_p50_ns", Type::integer, true},
                            {"icmp_p90_ns", Type::integer, true},
                            {"icmp_p99_ns", Type::integer, true},
                            {"icmp_p99_9_ns", Type::integer, true},
                            {"icmp_max_ns", Type::integer, true},
                            {"icmp_jitter_ns", Type::real, true},
                            {"tcp_upload_sent_bps", Type::real, true},
                            {"tcp_upload_bps", Type::real, true},
                            {"tcp_upload_local_cpu_percent", Type::real, true},
                            {"tcp_upload_remote_cpu_percent", Type::real, true},
                            {"tcp_upload_retransmits", Type::integer, true},
                            {"tcp_download_sent_bps", Type::real, true},
                            {"tcp_download_bps", Type::real, true},
                            {"tcp_download_local_cpu_percent", Type::real, true},
                            {"tcp_download_remote_cpu_percent", Type::real, true},
                            {"tcp_download_retransmits", Type::integer, true},
                            {"udp_upload_sent_bps", Type::real, true},
                            {"udp_upload_bps", Type::real, true},
                            {"udp_upload_local_cpu_percent", Type::real, true},
                            {"udp_upload_remote_cpu_percent", Type::real, true},
                            {"udp_upload_jitter_ns", Type::real, true},
                            {"udp_upload_packets", Type::integer, true},
                            {"udp_upload_lost", Type::integer, true},
                            {"udp_download_sent_bps", Type::real, true},
                            {"udp_download_bps", Type::real, true},
                            {"udp_download_local_cpu_percent", Type::real, true},
                            {"udp_download_remote_cpu_percent", Type::real, true},
                            {"udp_download_jitter_ns", Type::real, true},
                            {"udp_download_packets", Type::integer, true},
                            {"udp_download_lost", Type::integer, true},
                            {"document", Type::text, false}},
                           1};
  return table;
}

std::span<const Table* const> all_tables() {
  static const std::array<const Table*, 8> tables{
      &runs_table(),           &probes_table(),         &run_points_table(),
      &rollups_table(),        &udp_metrics_table(),    &run_metrics_table(),
      &rollup_buckets_table(), &interval_counts_table()};
  return tables;
}

bool is_added_table(const Table& table) {
  return &table == &udp_metrics_table() || &table == &run_metrics_table() ||
         &table == &rollup_buckets_table() || &table == &interval_counts_table();
}

const Table* find_table(std::string_view name) {
  for (const Table* table : all_tables()) {
    if (table->name == name) return table;
  }
  return nullptr;
}

std::string column_list(const Table& table, std::int64_t version) {
  std::string text;
  for (const auto& column : table.columns) {
    if (!text.empty()) text += ',';
    text += column.since > version ? "NULL" : fmt::format("`{}`", column.name);
  }
  return text;
}

std::vector<std::string> add_columns_sql(const Table& table, std::span<const std::string> present,
                                         Dialect dialect) {
  std::vector<std::string> additions;
  for (const auto& column : table.columns) {
    // Without a column of version 1 it is another program's table, and check_schema() says so.
    if (column.since == 1 || std::ranges::find(present, column.name) != present.end()) continue;
    additions.push_back("ADD COLUMN " + column_definition(column, dialect));
  }
  if (additions.empty()) return {};
  const auto head = fmt::format("ALTER TABLE `{}` ", table.name);
  if (dialect == Dialect::mysql) return {head + fmt::format("{}", fmt::join(additions, ", "))};
  for (auto& addition : additions) addition.insert(0, head);
  return additions;
}

std::string raise_version_sql() {
  return fmt::format("UPDATE `{}` SET version={} WHERE component='netobs' AND version<{}",
                     schema_table_name, schema_version, schema_version);
}

std::string create_table_sql(const Table& table, Dialect dialect) {
  std::string text = fmt::format("CREATE TABLE IF NOT EXISTS `{}` (", table.name);
  for (const auto& column : table.columns) {
    text += column_definition(column, dialect) + ", ";
  }
  return text + fmt::format("PRIMARY KEY ({}){}){}", key_list(table), index_clause(table, dialect),
                            table_options(dialect));
}

std::string create_schema_table_sql(Dialect dialect) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS `{}` (`component` {} NOT NULL, `version` BIGINT NOT NULL, "
      "PRIMARY KEY (`component`)){}",
      schema_table_name, dialect == Dialect::sqlite ? "TEXT" : "VARCHAR(32)",
      table_options(dialect));
}

std::string insert_head_sql(const Table& table) {
  return fmt::format("INSERT INTO `{}` ({}) VALUES ", table.name, column_list(table));
}

std::string upsert_tail_sql(const Table& table, Dialect dialect) {
  // MySQL prefers a row alias over VALUES() since 8.0.20, but MariaDB has only VALUES(), and both
  // run it.
  std::string text = dialect == Dialect::sqlite
                         ? fmt::format(" ON CONFLICT ({}) DO UPDATE SET ", key_list(table))
                         : " ON DUPLICATE KEY UPDATE ";
  for (std::size_t i = table.key_columns; i < table.columns.size(); ++i) {
    const auto column = table.columns[i].name;
    const auto comma = i == table.key_columns ? "" : ",";
    text += dialect == Dialect::sqlite ? fmt::format("{}`{}`=excluded.`{}`", comma, column, column)
                                       : fmt::format("{}`{}`=VALUES(`{}`)", comma, column, column);
  }
  return text;
}

std::string upsert_sql(const Table& table, Dialect dialect, std::size_t rows) {
  std::string group = "(?";
  for (std::size_t i = 1; i < table.columns.size(); ++i) group += ",?";
  group += ')';
  std::string text = insert_head_sql(table);
  for (std::size_t i = 0; i < rows; ++i) {
    if (i != 0) text += ',';
    text += group;
  }
  return text + upsert_tail_sql(table, dialect);
}

}  // namespace netobs::store
