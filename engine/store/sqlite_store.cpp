#include "store/sqlite_store.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>

#include "store/schema.hpp"
#include "store/sqlite_error.hpp"

namespace netobs::store {
namespace {

// Measured once in a separate trial with the 34 columns of version 1, not by bench/store_bench.cpp,
// which only times this choice: 16 rows per statement wrote a third faster than one (other counts
// were not tried); pages of 8 KiB with a checkpoint every 32 MiB gained a tenth over the defaults.
constexpr std::size_t rows_per_statement = 16;
constexpr std::size_t rows_per_scan_batch = 512;
constexpr std::size_t scan_batch_bytes = 4U << 20U;
constexpr int max_value_bytes = 64 << 20;
constexpr std::string_view pragmas =
    "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
    "PRAGMA wal_autocheckpoint=4096; PRAGMA cache_size=-16384;";

void bind_cell(sqlite3_stmt* statement, int index, const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::null:
      sqlite3_bind_null(statement, index);
      return;
    case Cell::Kind::integer:
      sqlite3_bind_int64(statement, index, cell.integer);
      return;
    case Cell::Kind::real:
      sqlite3_bind_double(statement, index, cell.real);
      return;
    // The batch outlives the step, so nothing is copied. A null pointer would mean NULL.
    case Cell::Kind::text:
      sqlite3_bind_text64(statement, index, cell.bytes.empty() ? "" : cell.bytes.data(),
                          cell.bytes.size(), SQLITE_STATIC, SQLITE_UTF8);
      return;
    case Cell::Kind::blob:
      sqlite3_bind_blob64(statement, index, cell.bytes.empty() ? "" : cell.bytes.data(),
                          cell.bytes.size(), SQLITE_STATIC);
      return;
  }
}

Cell column_cell(sqlite3_stmt* statement, int column) {
  const auto bytes = [&](const void* data) {
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
    return data == nullptr ? std::string_view{}
                           : std::string_view(static_cast<const char*>(data), size);
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return Cell::of(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
      return Cell::of_real(sqlite3_column_double(statement, column));
    case SQLITE_TEXT:
      return Cell::of_text(bytes(sqlite3_column_text(statement, column)));
    case SQLITE_BLOB:
      return Cell::of_blob(bytes(sqlite3_column_blob(statement, column)));
    default:
      return Cell::null();
  }
}

std::string order_by_key(const Table& table) {
  std::string text = " ORDER BY ";
  for (std::size_t i = 0; i < table.key_columns; ++i) {
    text += fmt::format("{}`{}`", i == 0 ? "" : ",", table.columns[i].name);
  }
  return text;
}

}  // namespace

void SqliteStore::Closer::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}
void SqliteStore::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqliteStore::~SqliteStore() = default;

Error SqliteStore::error(std::string_view doing) const {
  return sqlite_error(db_.get(), doing, path_);
}

Result<SqliteStore::Database> SqliteStore::connect(const std::string& path,
                                                   const Options& options) {
  sqlite3* raw = nullptr;
  const int flags =
      (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
      SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Database db(raw);
  if (code != SQLITE_OK) return fail(sqlite_error(raw, "open", path));
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, max_value_bytes);
  sqlite3_busy_timeout(raw, options.busy_timeout_ms);
  // The file may come from anywhere: no code of its own may run (triggers, views with functions).
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  return db;
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path,
                                                       const Options& options) {
  NETOBS_TRY(db, connect(path, options));
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(db), path));
  NETOBS_TRY_VOID(store->set_up(options));
  return store;
}

Result<void> SqliteStore::set_up(const Options& options) {
  NETOBS_TRY(version, read_version());
  if (!version) {
    if (options.read_only) return fail(sqlite_no_schema(path_));
    NETOBS_TRY_VOID(run(std::string(pragmas)));
    NETOBS_TRY_VOID(create_schema());
  } else if (*version < oldest_schema_version || *version > schema_version) {
    return fail(wrong_schema_version(path_, *version));
  } else if (options.read_only) {
    version_ = *version;
  } else {
    NETOBS_TRY_VOID(run(std::string(pragmas)));
    if (*version < schema_version) NETOBS_TRY_VOID(upgrade());
    NETOBS_TRY(complete, has_added_tables());
    if (!complete) NETOBS_TRY_VOID(create_schema());
  }
  return check_schema();
}

Result<std::optional<std::int64_t>> SqliteStore::read_version() {
  NETOBS_TRY(tables, read_count(fmt::format(
                         "SELECT COUNT(*) FROM sqlite_master WHERE type='table' AND name='{}'",
                         schema_table_name)));
  if (tables == 0) return std::nullopt;
  NETOBS_TRY(statement, prepare(fmt::format("SELECT version FROM `{}` WHERE component='netobs'",
                                            schema_table_name)));
  const int code = sqlite3_step(statement.get());
  if (code == SQLITE_DONE) return std::nullopt;
  if (code != SQLITE_ROW) return fail(error("read the schema version of"));
  return sqlite3_column_int64(statement.get(), 0);
}

Result<void> SqliteStore::create_schema() {
  return in_transaction([&]() -> Result<void> {
    NETOBS_TRY_VOID(run(create_schema_table_sql(Dialect::sqlite)));
    for (const Table* table : all_tables()) {
      NETOBS_TRY_VOID(run(create_table_sql(*table, Dialect::sqlite)));
    }
    return run(fmt::format("INSERT OR IGNORE INTO `{}` VALUES ('netobs', {})", schema_table_name,
                           schema_version));
  });
}

/// Adding a column changes the schema only, no row. What is missing is looked up under the lock:
/// another process may have been here first.
Result<void> SqliteStore::upgrade() {
  return in_transaction([&]() -> Result<void> {
    for (const Table* table : all_tables()) {
      NETOBS_TRY(present, columns_of(*table));
      if (present.empty()) continue;
      for (const auto& step : add_columns_sql(*table, present, Dialect::sqlite)) {
        NETOBS_TRY_VOID(run(step));
      }
    }
    return run(raise_version_sql());
  });
}

/// Empty when there is no such table.
Result<std::vector<std::string>> SqliteStore::columns_of(const Table& table) {
  NETOBS_TRY(statement,
             prepare(fmt::format("SELECT name FROM pragma_table_info('{}')", table.name)));
  std::vector<std::string> names;
  int code = sqlite3_step(statement.get());
  for (; code == SQLITE_ROW; code = sqlite3_step(statement.get())) {
    names.emplace_back(column_cell(statement.get(), 0).bytes);
  }
  if (code != SQLITE_DONE) return fail(error("read the columns of"));
  return names;
}

Result<bool> SqliteStore::has_table(const Table& table) {
  NETOBS_TRY(count, read_count(fmt::format(
                        "SELECT COUNT(*) FROM sqlite_master WHERE type='table' AND name='{}'",
                        table.name)));
  return count > 0;
}

Result<bool> SqliteStore::has_added_tables() {
  for (const Table* table : all_tables()) {
    if (!is_added_table(*table)) continue;
    NETOBS_TRY(there, has_table(*table));
    if (!there) return false;
  }
  return true;
}

Result<void> SqliteStore::check_schema() {
  for (const Table* table : all_tables()) {
    if (is_added_table(*table)) {
      NETOBS_TRY(there, has_table(*table));
      if (!there) continue;
    }
    const auto outcome =
        prepare(fmt::format("SELECT {} FROM `{}`", column_list(*table, version_), table->name));
    if (outcome) continue;
    if (outcome.error().sys_errno != EPROTO) return fail(outcome.error());
    return fail({fmt::format("open {}", path_), EPROTO,
                 fmt::format("Its table {} is not the one netobs makes.", table->name),
                 "It belongs to another program: give netobs a file of its own."});
  }
  return {};
}

Result<void> SqliteStore::run(const std::string& sql) {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return fail(error("write"));
}

Result<SqliteStore::Statement> SqliteStore::prepare(const std::string& sql) {
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v2(db_.get(), sql.c_str(), static_cast<int>(sql.size()) + 1, &raw, nullptr);
  Statement statement(raw);
  if (code != SQLITE_OK) return fail(error("read"));
  return statement;
}

Result<void> SqliteStore::in_transaction(const std::function<Result<void>()>& work) {
  NETOBS_TRY_VOID(run("BEGIN IMMEDIATE"));
  auto outcome = work();
  if (outcome) outcome = run("COMMIT");
  if (!outcome && sqlite3_get_autocommit(db_.get()) == 0) {
    sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return outcome;
}

Result<void> SqliteStore::insert_rows(const Batch& batch, Upserts& upserts) {
  const std::size_t width = batch.table->columns.size();
  std::size_t next = 0;
  while (next < batch.cells.size()) {
    const bool many = batch.cells.size() - next >= rows_per_statement * width;
    sqlite3_stmt* statement = many ? upserts.many.get() : upserts.one.get();
    const std::size_t count = many ? rows_per_statement * width : width;
    for (std::size_t i = 0; i < count; ++i) {
      bind_cell(statement, static_cast<int>(i) + 1, batch.cells[next + i]);
    }
    const int code = sqlite3_step(statement);
    if (code != SQLITE_DONE) {
      auto failure = error("write");
      sqlite3_reset(statement);
      return fail(std::move(failure));
    }
    sqlite3_reset(statement);
    next += count;
  }
  return {};
}

Result<void> SqliteStore::do_write(const Batch& batch) {
  auto found = std::ranges::find(upserts_, batch.table, &std::pair<const Table*, Upserts>::first);
  if (found == upserts_.end()) {
    NETOBS_TRY(many, prepare(upsert_sql(*batch.table, Dialect::sqlite, rows_per_statement)));
    NETOBS_TRY(one, prepare(upsert_sql(*batch.table, Dialect::sqlite, 1)));
    upserts_.emplace_back(batch.table, Upserts{std::move(many), std::move(one)});
    found = std::prev(upserts_.end());
  }
  return in_transaction([&] { return insert_rows(batch, found->second); });
}

Result<void> SqliteStore::step_all(sqlite3_stmt* statement, const Table& table,
                                   const RowSink& sink) {
  OwnedBatch rows(table);
  while (true) {
    const int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) return fail(error("read"));
    if (code == SQLITE_ROW) {
      for (int i = 0; i < static_cast<int>(table.columns.size()); ++i) {
        rows.add(column_cell(statement, i));
      }
    }
    const bool full = rows.rows() >= rows_per_scan_batch || rows.size_bytes() >= scan_batch_bytes;
    if (rows.rows() > 0 && (full || code == SQLITE_DONE)) {
      NETOBS_TRY_VOID(sink(rows.view()));
      rows.clear();
    }
    if (code == SQLITE_DONE) return {};
  }
}

Result<void> SqliteStore::do_scan(const Table& table, std::optional<std::int64_t> run_id,
                                  const RowSink& sink) {
  const auto where = run_id ? fmt::format(" WHERE `run_id`={}", *run_id) : std::string();
  NETOBS_TRY(statement, prepare(fmt::format("SELECT {} FROM `{}`{}{}", column_list(table, version_),
                                            table.name, where, order_by_key(table))));
  return step_all(statement.get(), table, sink);
}

Result<OwnedBatch> SqliteStore::read_some(const Table& table, std::size_t limit) {
  NETOBS_TRY(statement, prepare(fmt::format("SELECT {} FROM `{}`{} LIMIT {}", column_list(table),
                                            table.name, order_by_key(table), limit)));
  OwnedBatch rows(table);
  NETOBS_TRY_VOID(step_all(statement.get(), table, [&](const Batch& batch) -> Result<void> {
    for (const Cell& cell : batch.cells) rows.add(cell);
    return {};
  }));
  return rows;
}

Result<void> SqliteStore::erase(const Batch& batch) {
  const auto& columns = batch.table->columns;
  std::string sql = fmt::format("DELETE FROM `{}` WHERE ", batch.table->name);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    sql += fmt::format("{}`{}` {} ?", i == 0 ? "" : " AND ", columns[i].name,
                       i < batch.table->key_columns ? "=" : "IS");
  }
  NETOBS_TRY(statement, prepare(sql));
  return in_transaction([&]() -> Result<void> {
    for (std::size_t start = 0; start < batch.cells.size(); start += columns.size()) {
      for (std::size_t i = 0; i < columns.size(); ++i) {
        bind_cell(statement.get(), static_cast<int>(i) + 1, batch.cells[start + i]);
      }
      if (sqlite3_step(statement.get()) != SQLITE_DONE) return fail(error("delete from"));
      sqlite3_reset(statement.get());
    }
    return {};
  });
}

Result<void> SqliteStore::delete_run(std::int64_t run_id) {
  return in_transaction([&]() -> Result<void> {
    for (const Table* table : all_tables()) {
      NETOBS_TRY_VOID(run(fmt::format("DELETE FROM `{}` WHERE `run_id`={}", table->name, run_id)));
    }
    return {};
  });
}

Result<SqlAccess::Numbers> SqliteStore::first_row(const std::string& sql) {
  NETOBS_TRY(statement, prepare(sql));
  const int code = sqlite3_step(statement.get());
  Numbers numbers;
  if (code == SQLITE_DONE) return numbers;
  if (code != SQLITE_ROW) return fail(error("read"));
  for (int i = 0; i < sqlite3_column_count(statement.get()); ++i) {
    const Cell cell = column_cell(statement.get(), i);
    if (cell.kind != Cell::Kind::integer && cell.kind != Cell::Kind::null) {
      return fail({fmt::format("read {}", path_), EBADMSG,
                   "A column of whole numbers holds something else.",
                   "The database was changed by something else, or it is damaged: use a backup."});
    }
    numbers.push_back(cell.kind == Cell::Kind::null ? std::nullopt : std::optional(cell.integer));
  }
  return numbers;
}

Result<std::uint64_t> SqliteStore::change(const std::string& sql) {
  std::uint64_t rows = 0;
  const auto outcome = in_transaction([&] {
    auto done = run(sql);
    rows = static_cast<std::uint64_t>(sqlite3_changes(db_.get()));
    return done;
  });
  if (!outcome) return fail(outcome.error());
  return rows;
}

Result<std::uint64_t> SqliteStore::read_count(const std::string& sql) {
  NETOBS_TRY(statement, prepare(sql));
  if (sqlite3_step(statement.get()) != SQLITE_ROW) return fail(error("read"));
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement.get(), 0));
}

Result<std::uint64_t> SqliteStore::count_rows(const Table& table) {
  NETOBS_TRY(there, has_table(table));
  if (!there) return 0;
  return read_count(fmt::format("SELECT COUNT(*) FROM `{}`", table.name));
}

Result<std::uint64_t> SqliteStore::count_rows_of_run(const Table& table, std::int64_t run_id) {
  return read_count(fmt::format("SELECT COUNT(*) FROM `{}` WHERE `run_id`={}", table.name, run_id));
}

std::optional<std::uint64_t> SqliteStore::size_bytes() {
  const auto pages = read_count("PRAGMA page_count");
  const auto size = read_count("PRAGMA page_size");
  if (!pages || !size) return std::nullopt;
  return *pages * *size;
}

std::string SqliteStore::description() const {
  return path_.empty() ? "(temporary)" : path_;
}

}  // namespace netobs::store
