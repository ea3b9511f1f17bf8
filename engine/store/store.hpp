#pragma once
// What every store can do. One call = one batch: the virtual calls are per batch, never per row.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/layer/record.hpp"
#include "store/row.hpp"
#include "store/rows.hpp"

namespace netobs::store {

/// True when the same call may work later without anybody changing anything but the weather: server
/// gone, database locked, disk full. False: wrong password, unknown database, wrong schema. The
/// class travels in Error::sys_errno, which every store sets to the errno nearest in meaning.
[[nodiscard]] bool is_transient(const Error& error);

using RowSink = std::function<Result<void>(const Batch&)>;
using ProbeSink = std::function<Result<void>(std::span<const ProbeRecord>)>;

/// Plain SQL, for what a store of SQL can do in bounded steps. The statements are the engine's own,
/// in the words that SQLite and MySQL share; nothing from outside goes into them but numbers.
class SqlAccess {
 public:
  using Numbers = std::vector<std::optional<std::int64_t>>;
  SqlAccess(const SqlAccess&) = delete;
  SqlAccess& operator=(const SqlAccess&) = delete;

  /// The first row, whose columns are whole numbers or NULL; empty when there is no row.
  [[nodiscard]] virtual Result<Numbers> first_row(const std::string& sql) = 0;
  /// Runs one statement in a transaction of its own. Returns how many rows it changed.
  [[nodiscard]] virtual Result<std::uint64_t> change(const std::string& sql) = 0;

 protected:
  SqlAccess() = default;
  ~SqlAccess() = default;
};

/// An open store. Used by one thread at a time.
class Store {
 public:
  virtual ~Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Writes the batch completely or not at all. A row whose key is there already replaces it, so
  /// sending a batch again after an unclear failure changes nothing.
  [[nodiscard]] Result<void> write(const Batch& batch);

  /// Newest first, at most `limit`.
  [[nodiscard]] Result<std::vector<RunRow>> list_runs(std::size_t limit = 1000);
  /// `which`: "last", or the first digits of the 16-digit hex id.
  [[nodiscard]] Result<RunRow> find_run(std::string_view which);
  [[nodiscard]] Result<std::vector<PointCount>> load_points(std::int64_t run_id);
  [[nodiscard]] Result<std::vector<RollupRow>> load_rollups(std::int64_t run_id);
  /// All probes of a run by rising sequence, some hundred at a time; memory does not grow with the
  /// run. An error from the sink ends the scan and is returned. Returns how many probes there were.
  [[nodiscard]] Result<std::uint64_t> scan_probes(std::int64_t run_id, const ProbeSink& sink);
  /// The rows of one table by rising key, of one run or of all, in bounded batches whose text is
  /// valid during the call.
  [[nodiscard]] Result<void> scan(const Table& table, std::optional<std::int64_t> run_id,
                                  const RowSink& sink) {
    return do_scan(table, run_id, sink);
  }

  /// nullptr where there is no SQL.
  [[nodiscard]] virtual SqlAccess* sql() { return nullptr; }
  /// Removes a run from every table.
  [[nodiscard]] virtual Result<void> delete_run(std::int64_t run_id) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> count_rows(const Table& table) = 0;
  /// What it takes on disk, where that can be known.
  [[nodiscard]] virtual std::optional<std::uint64_t> size_bytes() = 0;
  /// The store's address for people, never with a password.
  [[nodiscard]] virtual std::string description() const = 0;
  /// Of the schema (schema.hpp). Less than this program's where an older store was opened
  /// read-only: the columns it lacks then read as NULL.
  [[nodiscard]] virtual std::int64_t version() const;

 protected:
  Store() = default;

 private:
  [[nodiscard]] virtual Result<void> do_write(const Batch& batch) = 0;
  [[nodiscard]] virtual Result<void> do_scan(const Table& table, std::optional<std::int64_t> run_id,
                                             const RowSink& sink) = 0;
};

}  // namespace netobs::store
