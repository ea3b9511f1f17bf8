#include "store/spool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "store/schema.hpp"

namespace netobs::store {
namespace {

constexpr std::size_t probes_per_read = 1000;
constexpr std::size_t others_per_read = 64;  // documents and distributions can be long

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

}  // namespace

Spool::Spool(std::string directory, std::string_view destination)
    : directory_(std::move(directory)),
      path_(fmt::format("{}/spool-{:016x}.db", directory_, fnv1a(destination))) {}

Spool::~Spool() {
  close();
}

// Two processes may spool for the same store. Unlinking a file that the other has open would lose
// what it adds, so whoever has one open holds a shared lock on the folder, and only an exclusive
// lock allows unlinking.
Result<void> Spool::lock_directory() {
  directory_fd_ = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd_ >= 0 && ::flock(directory_fd_, LOCK_SH) == 0) return {};
  return fail({fmt::format("use the spool folder {}", directory_),
               errno,
               {},
               "Name a writable folder for rows that wait for their store."});
}

Result<bool> Spool::open(bool create) {
  if (file_) return true;
  if (directory_.empty()) {
    if (!create) return false;
    return fail({"keep rows for later", 0, "No spool folder is set.", {}});
  }
  std::error_code ignored;
  if (!create && !std::filesystem::exists(path_, ignored)) return false;
  if (create) std::filesystem::create_directories(directory_, ignored);
  NETOBS_TRY_VOID(lock_directory());
  // Another process may have unlinked it before the lock was ours.
  if (!create && !std::filesystem::exists(path_, ignored)) return close_locked(), false;
  auto file = SqliteStore::open(path_, {});
  if (!file) {
    close_locked();
    return fail(std::move(file).error());
  }
  file_ = std::move(*file);
  return true;
}

Result<void> Spool::add(const Batch& batch) {
  const std::scoped_lock lock(mutex_);
  NETOBS_TRY_VOID(open(true));
  return file_->write(batch);
}

Result<std::uint64_t> Spool::waiting_locked() {
  NETOBS_TRY(exists, open(false));
  std::uint64_t total = 0;
  if (!exists) return total;
  for (const Table* table : all_tables()) {
    NETOBS_TRY(count, file_->count_rows(*table));
    total += count;
  }
  return total;
}

Result<std::uint64_t> Spool::waiting() {
  const std::scoped_lock lock(mutex_);
  return waiting_locked();
}

Result<std::uint64_t> Spool::waiting_probes(std::int64_t run_id) {
  const std::scoped_lock lock(mutex_);
  NETOBS_TRY(exists, open(false));
  if (!exists) return 0;
  return file_->count_rows_of_run(probes_table(), run_id);
}

Result<OwnedBatch> Spool::read_some() {
  const std::scoped_lock lock(mutex_);
  NETOBS_TRY(exists, open(false));
  for (const Table* table : all_tables()) {
    if (!exists) break;
    NETOBS_TRY(rows, file_->read_some(
                         *table, table == &probes_table() ? probes_per_read : others_per_read));
    if (rows.rows() > 0) return std::move(rows);
  }
  return OwnedBatch(probes_table());
}

Result<void> Spool::erase(const Batch& batch) {
  const std::scoped_lock lock(mutex_);
  NETOBS_TRY_VOID(open(true));
  return file_->erase(batch);
}

void Spool::close() {
  const std::scoped_lock lock(mutex_);
  close_locked();
}

void Spool::close_locked() {
  const bool was_open = file_ != nullptr;
  if (was_open && ::flock(directory_fd_, LOCK_EX | LOCK_NB) == 0) {
    if (const auto rows = waiting_locked(); rows && *rows == 0) {
      file_.reset();
      for (const char* suffix : {"", "-wal", "-shm"}) ::unlink((path_ + suffix).c_str());
    }
  }
  file_.reset();
  if (directory_fd_ >= 0) ::close(directory_fd_);
  directory_fd_ = -1;
}

Result<std::uint64_t> flush(Spool& spool, Store& destination) {
  std::uint64_t sent = 0;
  while (true) {
    NETOBS_TRY(rows, spool.read_some());
    if (rows.rows() == 0) return sent;
    NETOBS_TRY_VOID(destination.write(rows.view()));
    NETOBS_TRY_VOID(spool.erase(rows.view()));
    sent += rows.rows();
  }
}

}  // namespace netobs::store
