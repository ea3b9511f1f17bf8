#pragma once

#include <memory>
#include <string>

#include "store/sqlite_store.hpp"
#include "store/store.hpp"

namespace netobs::store {

/// A store in one text file: a line per row, {"table": "probes", "run_id": ..., ...}, appended.
/// Blobs are hex. Of two lines with one key the later counts. For reading, the lines are sorted
/// into a private temporary SQLite database, once per opened store until the next write.
class JsonlStore final : public Store {
 public:
  /// Longest line that is read; a longer one counts as malformed.
  static constexpr std::size_t max_line_bytes = 16U << 20U;

  /// The file is made if it is missing, unless read-only.
  [[nodiscard]] static Result<std::unique_ptr<JsonlStore>> open(const std::string& path,
                                                                bool read_only);
  ~JsonlStore() override;
  JsonlStore(const JsonlStore&) = delete;
  JsonlStore& operator=(const JsonlStore&) = delete;

  [[nodiscard]] Result<void> delete_run(std::int64_t run_id) override;
  [[nodiscard]] Result<std::uint64_t> count_rows(const Table& table) override;
  [[nodiscard]] std::optional<std::uint64_t> size_bytes() override;
  [[nodiscard]] std::string description() const override;

  /// Lines that the last read skipped: not JSON, no known table, or a value of the wrong type.
  [[nodiscard]] std::uint64_t malformed_lines() const { return malformed_; }

 private:
  JsonlStore(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  [[nodiscard]] Result<void> do_write(const Batch& batch) override;
  [[nodiscard]] Result<void> do_scan(const Table& table, std::optional<std::int64_t> run_id,
                                     const RowSink& sink) override;
  [[nodiscard]] Result<void> append(std::string_view lines);
  [[nodiscard]] Result<SqliteStore*> sorted();

  std::string path_;
  int fd_;
  std::unique_ptr<SqliteStore> sorted_;
  std::uint64_t malformed_ = 0;
};

}  // namespace netobs::store
