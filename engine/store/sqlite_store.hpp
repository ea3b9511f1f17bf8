#pragma once

#include <memory>
#include <string>

#include "store/schema.hpp"
#include "store/store.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace netobs::store {

/// A store in one SQLite file: write-ahead log, one transaction per batch. What a committed batch
/// holds survives the end of the process at once and a power cut up to the last checkpoint.
class SqliteStore final : public Store, private SqlAccess {
 public:
  struct Options {
    bool read_only = false;      ///< never create or change anything; the file must exist
    int busy_timeout_ms = 2000;  ///< how long to wait for another process's lock, 0..60000
  };

  /// Opens and, unless read-only, creates file and tables and upgrades those of an older version.
  /// An empty path is a private temporary database on disk that goes with the object.
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(const std::string& path,
                                                                 const Options& options);
  ~SqliteStore() override;

  [[nodiscard]] SqlAccess* sql() override { return this; }
  [[nodiscard]] Result<void> delete_run(std::int64_t run_id) override;
  [[nodiscard]] Result<std::uint64_t> count_rows(const Table& table) override;
  [[nodiscard]] std::optional<std::uint64_t> size_bytes() override;
  [[nodiscard]] std::string description() const override;
  [[nodiscard]] std::int64_t version() const override { return version_; }

  /// For the spool: up to `limit` rows of a table by rising key, ...
  [[nodiscard]] Result<OwnedBatch> read_some(const Table& table, std::size_t limit);
  /// ... and the removal, in one transaction, of exactly these rows: a row that has changed since
  /// it was read stays.
  [[nodiscard]] Result<void> erase(const Batch& batch);
  [[nodiscard]] Result<std::uint64_t> count_rows_of_run(const Table& table, std::int64_t run_id);

 private:
  struct Closer {
    void operator()(sqlite3* db) const;
  };
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  using Database = std::unique_ptr<sqlite3, Closer>;
  using Statement = std::unique_ptr<sqlite3_stmt, Finalizer>;
  /// The two upserts of a table: many rows at once, and one for the rest. Prepared at first use.
  struct Upserts {
    Statement many;
    Statement one;
  };

  SqliteStore(Database db, std::string path) : db_(std::move(db)), path_(std::move(path)) {}

  [[nodiscard]] Result<void> do_write(const Batch& batch) override;
  [[nodiscard]] Result<void> do_scan(const Table& table, std::optional<std::int64_t> run_id,
                                     const RowSink& sink) override;
  [[nodiscard]] Result<Numbers> first_row(const std::string& sql) override;
  [[nodiscard]] Result<std::uint64_t> change(const std::string& sql) override;
  [[nodiscard]] static Result<Database> connect(const std::string& path, const Options& options);
  [[nodiscard]] Result<void> set_up(const Options& options);
  [[nodiscard]] Result<void> create_schema();
  [[nodiscard]] Result<void> upgrade();
  [[nodiscard]] Result<std::vector<std::string>> columns_of(const Table& table);
  [[nodiscard]] Result<void> check_schema();
  [[nodiscard]] Result<bool> has_table(const Table& table);
  [[nodiscard]] Result<bool> has_added_tables();
  [[nodiscard]] Result<std::optional<std::int64_t>> read_version();
  [[nodiscard]] Result<void> run(const std::string& sql);
  [[nodiscard]] Result<Statement> prepare(const std::string& sql);
  [[nodiscard]] Result<void> step_all(sqlite3_stmt* statement, const Table& table,
                                      const RowSink& sink);
  [[nodiscard]] Result<void> insert_rows(const Batch& batch, Upserts& upserts);
  [[nodiscard]] Result<void> in_transaction(const std::function<Result<void>()>& work);
  [[nodiscard]] Result<std::uint64_t> read_count(const std::string& sql);
  [[nodiscard]] Error error(std::string_view doing) const;

  Database db_;
  std::string path_;
  std::int64_t version_ = schema_version;
  std::vector<std::pair<const Table*, Upserts>> upserts_;
};

}  // namespace netobs::store
