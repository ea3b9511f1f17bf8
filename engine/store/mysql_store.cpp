#include "store/mysql_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "store/schema.hpp"
#include "store/sqlite_error.hpp"

#ifndef NETOBS_HAVE_MYSQL

namespace netobs::store {

Result<std::unique_ptr<Store>> open_mysql_store(const StoreUrl& url, const OpenOptions&) {
  return fail({fmt::format("open {}", url.describe()), ENOTSUP,
               "This netobs was built without MySQL Connector/C++.",
               "Install libmysqlcppconn-dev and build again, or store in a file."});
}

}  // namespace netobs::store

#else

#include "store/mysql_connect.hpp"
#include "store/mysql_upgrade.hpp"

namespace netobs::store {
namespace {

// Rows per second relative to LOAD DATA LOCAL, in one trial on one machine: prepared statements of
// 100 rows 0.87, of 500 0.78, of 1000 0.76, one text statement of 2000 rows 0.66. 250 lies between,
// for fewer round trips to a server that is far away; bench/store_bench.cpp times this choice only.
constexpr std::size_t probes_per_statement = 250;
constexpr std::size_t others_per_statement = 20;
constexpr std::size_t probes_per_page = 2000;
constexpr std::size_t others_per_page = 200;
constexpr std::size_t rows_per_delete = 20'000;
static_assert(probes_per_statement * probe_column_count <= 65'535, "the protocol's placeholders");

using Connection = std::unique_ptr<sql::Connection>;
using Statement = std::unique_ptr<sql::PreparedStatement>;

void set_cell(sql::PreparedStatement& statement, unsigned index, const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::null:
      statement.setNull(index, 0);
      return;
    case Cell::Kind::integer:
      statement.setInt64(index, cell.integer);
      return;
    case Cell::Kind::real:
      statement.setDouble(index, cell.real);
      return;
    case Cell::Kind::text:
    case Cell::Kind::blob:
      statement.setString(index, sql::SQLString(cell.bytes.data(), cell.bytes.size()));
      return;
  }
}

void add_value(OwnedBatch& rows, sql::ResultSet& result, unsigned index, Type type) {
  if (result.isNull(index)) return rows.add(Cell::null());
  if (type == Type::integer) return rows.add(Cell::of(result.getInt64(index)));
  if (type == Type::real) {
    return rows.add(Cell::of_real(static_cast<double>(result.getDouble(index))));
  }
  const sql::SQLString text = result.getString(index);
  const std::string_view bytes(text.c_str(), text.length());
  rows.add(type == Type::text ? Cell::of_text(bytes) : Cell::of_blob(bytes));
}

/// A literal that needs no quoting rules.
std::string literal(const Cell& cell) {
  if (cell.kind == Cell::Kind::integer) return fmt::format("{}", cell.integer);
  std::string text = "_utf8mb4 x'";
  for (const char c : cell.bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text + "'";
}

/// The rows after `last` in key order: (a,b) > (x,y) spelled out, which every server turns into a
/// range on the key, while a row comparison is often a scan. `first`: key columns that are fixed.
std::string after_key(const Table& table, std::span<const Cell> last, std::size_t first) {
  std::string text = "(";
  for (std::size_t depth = first; depth < table.key_columns; ++depth) {
    if (depth != first) text += " OR ";
    text += '(';
    for (std::size_t i = first; i <= depth; ++i) {
      text += fmt::format("{}`{}`{}{}", i == first ? "" : " AND ", table.columns[i].name,
                          i == depth ? ">" : "=", literal(last[i]));
    }
    text += ')';
  }
  return text + ")";
}

class MysqlStore final : public Store, private SqlAccess {
 public:
  MysqlStore(StoreUrl url, const OpenOptions& options) : url_(std::move(url)), options_(options) {}
  ~MysqlStore() override { drop(); }
  MysqlStore(const MysqlStore&) = delete;
  MysqlStore& operator=(const MysqlStore&) = delete;

  Result<void> set_up();
  SqlAccess* sql() override { return this; }
  Result<void> delete_run(std::int64_t run_id) override;
  Result<std::uint64_t> count_rows(const Table& table) override;
  std::optional<std::uint64_t> size_bytes() override;
  std::string description() const override { return url_.describe(); }
  std::int64_t version() const override { return version_; }

 private:
  struct Upserts {
    const Table* table;
    Statement many;
    Statement one;
  };

  Result<void> do_write(const Batch& batch) override;
  Result<void> do_scan(const Table& table, std::optional<std::int64_t> run_id,
                       const RowSink& sink) override;
  Result<Numbers> first_row(const std::string& sql) override;
  Result<std::uint64_t> change(const std::string& sql) override;
  Result<void> connect();
  Result<void> use_database();
  Result<void> create_schema();
  Result<void> check_schema();
  Result<std::optional<std::int64_t>> read_version();
  Result<bool> has_table(std::string_view name);
  Result<bool> has_added_tables();
  Result<void> write_transaction(const Batch& batch);
  Result<OwnedBatch> read_page(const Table& table, const std::string& where, std::size_t limit);
  Result<std::int64_t> read_number(const std::string& sql);
  Result<std::int64_t> run(const std::string& sql, std::string_view doing);
  Upserts& upserts_of(const Table& table);
  void drop();
  std::string what(std::string_view doing) const {
    return fmt::format("{} {}", doing, url_.describe());
  }
  /// Runs work once more on a new connection when the first one turns out to be dead.
  template <class Work>
  auto with_connection(Work work) -> decltype(work());

  StoreUrl url_;
  OpenOptions options_;
  Connection connection_;
  std::int64_t version_ = schema_version;
  std::vector<Upserts> upserts_;
};

void MysqlStore::drop() {
  // Closing tells the server; on a dead connection the library may throw.
  try {
    upserts_.clear();
    connection_.reset();
  } catch (const std::exception&) {
    (void)connection_.release();
  }
}

template <class Work>
auto MysqlStore::with_connection(Work work) -> decltype(work()) {
  if (connection_) {
    auto outcome = work();
    if (outcome || !connection_is_lost(outcome.error())) return outcome;
  }
  if (auto again = connect(); !again) return fail(std::move(again).error());
  auto outcome = work();
  if (!outcome && connection_is_lost(outcome.error())) drop();
  return outcome;
}

Result<std::int64_t> MysqlStore::run(const std::string& sql, std::string_view doing) {
  return mysql_guard(what(doing), [&]() -> Result<std::int64_t> {
    const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
    return statement->executeUpdate(sql);
  });
}

Result<void> MysqlStore::connect() {
  drop();
  NETOBS_TRY(connection, mysql_connect(url_, options_));
  connection_ = std::move(connection);
  auto used = use_database();
  if (!used) drop();
  return used;
}

Result<void> MysqlStore::use_database() {
  const auto use = fmt::format("USE `{}`", url_.database);
  const auto used = run(use, "open");
  if (used) return {};
  if (used.error().sys_errno != ENOENT || options_.read_only) return fail(used.error());
  const auto create = fmt::format("CREATE DATABASE IF NOT EXISTS `{}`", url_.database);
  if (const auto made = run(create, "create the database of"); !made) return fail(made.error());
  if (const auto again = run(use, "open"); !again) return fail(again.error());
  return {};
}

Result<void> MysqlStore::set_up() {
  NETOBS_TRY_VOID(connect());
  NETOBS_TRY(version, read_version());
  if (!version) {
    if (options_.read_only) return fail(sqlite_no_schema(url_.describe()));
    NETOBS_TRY_VOID(create_schema());
  } else if (*version < oldest_schema_version || *version > schema_version) {
    return fail(wrong_schema_version(url_.describe(), *version));
  } else if (options_.read_only) {
    version_ = *version;
  } else {
    if (*version < schema_version) {
      NETOBS_TRY_VOID(mysql_upgrade(*connection_, url_, options_.io_timeout));
    }
    NETOBS_TRY(complete, has_added_tables());
    if (!complete) NETOBS_TRY_VOID(create_schema());
  }
  return check_schema();
}

Result<bool> MysqlStore::has_table(std::string_view name) {
  NETOBS_TRY(tables, read_number(fmt::format("SELECT COUNT(*) FROM information_schema.tables WHERE "
                                             "table_schema=DATABASE() AND table_name='{}'",
                                             name)));
  return tables > 0;
}

Result<bool> MysqlStore::has_added_tables() {
  for (const Table* table : all_tables()) {
    if (!is_added_table(*table)) continue;
    NETOBS_TRY(there, has_table(table->name));
    if (!there) return false;
  }
  return true;
}

Result<std::optional<std::int64_t>> MysqlStore::read_version() {
  NETOBS_TRY(there, has_table(schema_table_name));
  if (!there) return std::nullopt;
  NETOBS_TRY(rows, read_number(fmt::format("SELECT COUNT(*) FROM `{}` WHERE component='netobs'",
                                           schema_table_name)));
  if (rows == 0) return std::nullopt;
  NETOBS_TRY(version, read_number(fmt::format("SELECT version FROM `{}` WHERE component='netobs'",
                                              schema_table_name)));
  return version;
}

Result<void> MysqlStore::create_schema() {
  std::vector<std::string> steps{create_schema_table_sql(Dialect::mysql)};
  for (const Table* table : all_tables()) {
    steps.push_back(create_table_sql(*table, Dialect::mysql));
  }
  // Last, so that a version row means that all tables are there.
  steps.push_back(fmt::format("INSERT IGNORE INTO `{}` VALUES ('netobs', {})", schema_table_name,
                              schema_version));
  for (const auto& step : steps) {
    if (auto done = run(step, "make the tables of"); !done) return fail(std::move(done).error());
  }
  return {};
}

Result<void> MysqlStore::check_schema() {
  for (const Table* table : all_tables()) {
    if (is_added_table(*table)) {
      NETOBS_TRY(there, has_table(table->name));
      if (!there) continue;
    }
    const auto page = read_page(*table, "", 0);
    if (!page) return fail(page.error());
  }
  return {};
}

MysqlStore::Upserts& MysqlStore::upserts_of(const Table& table) {
  for (auto& row : upserts_) {
    if (row.table == &table) return row;
  }
  const std::size_t many = &table == &probes_table() ? probes_per_statement : others_per_statement;
  const auto prepare = [&](std::size_t rows) {
    return Statement(connection_->prepareStatement(upsert_sql(table, Dialect::mysql, rows)));
  };
  upserts_.push_back({&table, prepare(many), prepare(1)});
  return upserts_.back();
}

Result<void> MysqlStore::write_transaction(const Batch& batch) {
  return mysql_guard(what("write to"), [&]() -> Result<void> {
    const std::size_t width = batch.table->columns.size();
    const std::size_t many =
        width * (batch.table == &probes_table() ? probes_per_statement : others_per_statement);
    auto& upserts = upserts_of(*batch.table);
    const std::unique_ptr<sql::Statement> transaction(connection_->createStatement());
    transaction->execute("START TRANSACTION");
    for (std::size_t next = 0; next < batch.cells.size();) {
      const std::size_t count = batch.cells.size() - next >= many ? many : width;
      auto& statement = count == many ? *upserts.many : *upserts.one;
      for (std::size_t i = 0; i < count; ++i) {
        set_cell(statement, static_cast<unsigned>(i) + 1, batch.cells[next + i]);
      }
      statement.executeUpdate();
      next += count;
    }
    // Not connection_->commit(): Connector/C++ 1.1 does not look at what it returns, and rows whose
    // server went away in this moment would count as written.
    transaction->execute("COMMIT");
    return {};
  });
}

Result<void> MysqlStore::do_write(const Batch& batch) {
  auto outcome = with_connection([&] { return write_transaction(batch); });
  // The transaction is still open on the server: without its connection it is undone.
  if (!outcome) drop();
  return outcome;
}

Result<OwnedBatch> MysqlStore::read_page(const Table& table, const std::string& where,
                                         std::size_t limit) {
  return mysql_guard(what("read"), [&]() -> Result<OwnedBatch> {
    std::string order;
    for (std::size_t i = 0; i < table.key_columns; ++i) {
      order += fmt::format("{}`{}`", i == 0 ? "" : ",", table.columns[i].name);
    }
    const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
    const std::unique_ptr<sql::ResultSet> result(statement->executeQuery(
        fmt::format("SELECT {} FROM `{}`{}{} ORDER BY {} LIMIT {}", column_list(table, version_),
                    table.name, where.empty() ? "" : " WHERE ", where, order, limit)));
    OwnedBatch rows(table);
    while (result->next()) {
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        add_value(rows, *result, static_cast<unsigned>(i) + 1, table.columns[i].type);
      }
    }
    return rows;
  });
}

Result<void> MysqlStore::do_scan(const Table& table, std::optional<std::int64_t> run_id,
                                 const RowSink& sink) {
  // Pages by key instead of one result: the client library would hold all of it in memory.
  const std::size_t limit = &table == &probes_table() ? probes_per_page : others_per_page;
  const auto of_run = run_id ? fmt::format("`run_id`={}", *run_id) : std::string();
  std::string where = of_run;
  while (true) {
    auto page = with_connection([&] { return read_page(table, where, limit); });
    if (!page) return fail(std::move(page).error());
    if (page->rows() == 0) return {};
    NETOBS_TRY_VOID(sink(page->view()));
    const bool only_row = run_id && table.key_columns == 1;
    if (page->rows() < limit || only_row) return {};
    const auto& cells = page->view().cells;
    const auto last = std::span(cells).last(table.columns.size());
    where = of_run + (run_id ? " AND " : "") + after_key(table, last, run_id ? 1 : 0);
  }
}

Result<std::int64_t> MysqlStore::read_number(const std::string& sql) {
  return mysql_guard(what("read"), [&]() -> Result<std::int64_t> {
    const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
    const std::unique_ptr<sql::ResultSet> result(statement->executeQuery(sql));
    return result->next() ? result->getInt64(1) : 0;
  });
}

Result<SqlAccess::Numbers> MysqlStore::first_row(const std::string& sql) {
  return with_connection([&] {
    return mysql_guard(what("read"), [&]() -> Result<Numbers> {
      const std::unique_ptr<sql::Statement> statement(connection_->createStatement());
      const std::unique_ptr<sql::ResultSet> result(statement->executeQuery(sql));
      Numbers numbers;
      if (!result->next()) return numbers;
      for (unsigned i = 1; i <= result->getMetaData()->getColumnCount(); ++i) {
        numbers.push_back(result->isNull(i) ? std::nullopt : std::optional(result->getInt64(i)));
      }
      return numbers;
    });
  });
}

Result<std::uint64_t> MysqlStore::change(const std::string& sql) {
  // Outside of a transaction every statement is one.
  NETOBS_TRY(rows, with_connection([&] { return run(sql, "write to"); }));
  return static_cast<std::uint64_t>(rows);
}

Result<void> MysqlStore::delete_run(std::int64_t run_id) {
  // In steps, because one transaction over a hundred million rows is more than a server likes; the
  // row in `runs` goes last, so that an interrupted removal can be repeated.
  std::vector<const Table*> tables(all_tables().begin(), all_tables().end());
  std::ranges::rotate(tables, std::ranges::find(tables, &runs_table()) + 1);
  for (const Table* table : tables) {
    const auto sql = fmt::format("DELETE FROM `{}` WHERE `run_id`={} LIMIT {}", table->name, run_id,
                                 rows_per_delete);
    std::int64_t removed = 1;
    while (removed > 0) {
      NETOBS_TRY(count, with_connection(
                            [&]() -> Result<std::int64_t> { return run(sql, "delete from"); }));
      removed = count;
    }
  }
  return {};
}

Result<std::uint64_t> MysqlStore::count_rows(const Table& table) {
  NETOBS_TRY(count, with_connection([&]() -> Result<std::int64_t> {
               NETOBS_TRY(there, has_table(table.name));
               if (!there) return 0;
               return read_number(fmt::format("SELECT COUNT(*) FROM `{}`", table.name));
             }));
  return static_cast<std::uint64_t>(count);
}

std::optional<std::uint64_t> MysqlStore::size_bytes() {
  const auto size = with_connection([&] {
    return read_number(
        "SELECT CAST(COALESCE(SUM(data_length+index_length),0) AS SIGNED) FROM "
        "information_schema.tables WHERE table_schema=DATABASE()");
  });
  if (!size || *size < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*size);
}

}  // namespace

Result<std::unique_ptr<Store>> open_mysql_store(const StoreUrl& url, const OpenOptions& options) {
  StoreUrl complete = url;
  NETOBS_TRY_VOID(apply_option_file(complete));
  auto store = std::make_unique<MysqlStore>(complete, options);
  NETOBS_TRY_VOID(store->set_up());
  return store;
}

}  // namespace netobs::store

#endif  // NETOBS_HAVE_MYSQL
