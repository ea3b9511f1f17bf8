#pragma once
// Where rows wait while their store is slow or gone: another SQLite store, one file per
// destination. Rows leave it only after the destination has committed them; sending one twice
// changes nothing.

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "store/sqlite_store.hpp"
#include "store/store.hpp"

namespace netobs::store {

/// The waiting rows of one destination. Any thread may call; calls exclude each other. The file is
/// made at the first add() and unlinked when the spool goes, or is closed, empty.
class Spool {
 public:
  /// destination: the store's describe() text, which names the file through a hash. An empty
  /// directory means that there is no spool: add() fails.
  Spool(std::string directory, std::string_view destination);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  [[nodiscard]] Result<void> add(const Batch& batch);
  /// Rows of all tables; 0 when there is no file.
  [[nodiscard]] Result<std::uint64_t> waiting();
  [[nodiscard]] Result<std::uint64_t> waiting_probes(std::int64_t run_id);
  /// Some of the waiting rows of one table; no rows = nothing waits.
  [[nodiscard]] Result<OwnedBatch> read_some();
  /// Removes rows that the destination has committed. A row that changed meanwhile stays.
  [[nodiscard]] Result<void> erase(const Batch& batch);
  /// Unlinks the file if it is empty and no other process has a spool open in this folder.
  void close();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] Result<bool> open(bool create);
  [[nodiscard]] Result<void> lock_directory();
  void close_locked();
  [[nodiscard]] Result<std::uint64_t> waiting_locked();

  std::mutex mutex_;
  std::string directory_;
  std::string path_;
  int directory_fd_ = -1;  // holds a shared flock while the file is open
  std::unique_ptr<SqliteStore> file_;
};

/// Sends everything that waits. Returns how many rows were sent; on an error the rest still waits.
[[nodiscard]] Result<std::uint64_t> flush(Spool& spool, Store& destination);

}  // namespace netobs::store
