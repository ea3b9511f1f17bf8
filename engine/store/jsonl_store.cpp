#include "store/jsonl_store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "store/jsonl_line.hpp"
#include "store/schema.hpp"

namespace netobs::store {
namespace {

constexpr std::size_t read_bytes = std::size_t{256} * 1024;
constexpr std::size_t import_rows = 4096;
constexpr std::size_t import_bytes = 16U << 20U;

Error file_error(std::string_view doing, std::string_view path, int error) {
  const bool space = error == ENOSPC || error == EFBIG || error == EDQUOT;
  return {fmt::format("{} {}", doing, path), error, space ? "What was written before is kept." : "",
          space ? "Free space there, or store elsewhere with --store."
                : "Check the path and its permissions."};
}

/// Calls `each` with every line of the file, without its newline; a line that is too long comes as
/// an empty one.
Result<void> for_each_line(int fd, std::string_view path,
                           const std::function<Result<void>(std::string_view)>& each) {
  std::string line;
  std::string chunk(read_bytes, '\0');
  bool too_long = false;
  off_t offset = 0;
  while (true) {
    const ssize_t got = ::pread(fd, chunk.data(), chunk.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(file_error("read", path, errno));
    if (got == 0) break;
    offset += got;
    std::string_view rest(chunk.data(), static_cast<std::size_t>(got));
    while (!rest.empty()) {
      const auto end = rest.find('\n');
      if (!too_long) line += rest.substr(0, end);
      if (line.size() > JsonlStore::max_line_bytes) {
        too_long = true;
        line.clear();
      }
      if (end == std::string_view::npos) break;
      NETOBS_TRY_VOID(each(line));
      line.clear();
      too_long = false;
      rest = rest.substr(end + 1);
    }
  }
  if (line.empty() && !too_long) return {};
  return each(line);
}

/// Rows on their way into the temporary database, a batch per table.
class Importer {
 public:
  explicit Importer(SqliteStore& into) : into_(into) {
    for (const Table* table : all_tables()) batches_.emplace_back(*table);
  }
  Result<void> add(const Batch& row) {
    for (auto& batch : batches_) {
      if (&batch.table() != row.table) continue;
      for (const Cell& cell : row.cells) batch.add(cell);
      if (batch.rows() >= import_rows || batch.size_bytes() >= import_bytes) return write(batch);
    }
    return {};
  }
  Result<void> finish() {
    for (auto& batch : batches_) NETOBS_TRY_VOID(write(batch));
    return {};
  }

 private:
  Result<void> write(OwnedBatch& batch) {
    NETOBS_TRY_VOID(into_.write(batch.view()));
    batch.clear();
    return {};
  }
  SqliteStore& into_;
  std::vector<OwnedBatch> batches_;
};

}  // namespace

JsonlStore::~JsonlStore() {
  ::close(fd_);
}

Result<std::unique_ptr<JsonlStore>> JsonlStore::open(const std::string& path, bool read_only) {
  const int flags = (read_only ? O_RDONLY : O_RDWR | O_CREAT | O_APPEND) | O_CLOEXEC;
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0) return fail(file_error("open", path, errno));
  std::unique_ptr<JsonlStore> store(new JsonlStore(path, fd));
  struct stat status{};
  if (::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    return fail(file_error("open", path, EISDIR));
  }
  return store;
}

Result<void> JsonlStore::do_write(const Batch& batch) {
  sorted_.reset();
  std::string lines;
  for (std::size_t i = 0; i < batch.cells.size(); i += batch.table->columns.size()) {
    append_line(lines, *batch.table, &batch.cells[i]);
  }
  return append(lines);
}

/// All of it or nothing: a part that did fit before the disk was full is cut off again.
Result<void> JsonlStore::append(std::string_view lines) {
  if (::flock(fd_, LOCK_EX) != 0) return fail(file_error("lock", path_, errno));
  const off_t start = ::lseek(fd_, 0, SEEK_END);
  char last = '\n';
  if (start > 0 && ::pread(fd_, &last, 1, start - 1) != 1) last = '\n';
  // A line that a crash cut short must not swallow the next one.
  std::string with_break;
  if (last != '\n') lines = with_break = "\n" + std::string(lines);
  int error = 0;
  while (!lines.empty() && error == 0) {
    const ssize_t wrote = ::write(fd_, lines.data(), lines.size());
    if (wrote > 0) lines.remove_prefix(static_cast<std::size_t>(wrote));
    if (wrote < 0 && errno != EINTR) error = errno;
  }
  // Where even that fails, the line that was cut counts as malformed and its batch is sent again.
  if (error != 0 && start >= 0 && ::ftruncate(fd_, start) != 0) sorted_.reset();
  ::flock(fd_, LOCK_UN);
  if (error != 0) return fail(file_error("write", path_, error));
  return {};
}

Result<SqliteStore*> JsonlStore::sorted() {
  if (sorted_) return sorted_.get();
  malformed_ = 0;
  NETOBS_TRY(database, SqliteStore::open("", {}));
  Importer importer(*database);
  NETOBS_TRY_VOID(for_each_line(fd_, path_, [&](std::string_view line) -> Result<void> {
    if (const auto row = parse_line(line)) return importer.add(row->view());
    ++malformed_;
    return {};
  }));
  NETOBS_TRY_VOID(importer.finish());
  sorted_ = std::move(database);
  return sorted_.get();
}

Result<void> JsonlStore::do_scan(const Table& table, std::optional<std::int64_t> run_id,
                                 const RowSink& sink) {
  NETOBS_TRY(database, sorted());
  return database->scan(table, run_id, sink);
}

Result<std::uint64_t> JsonlStore::count_rows(const Table& table) {
  NETOBS_TRY(database, sorted());
  return database->count_rows(table);
}

Result<void> JsonlStore::delete_run(std::int64_t run_id) {
  if (::flock(fd_, LOCK_EX) != 0) return fail(file_error("lock", path_, errno));
  const std::string temporary = path_ + ".new";
  NETOBS_TRY(fresh, [&]() -> Result<std::unique_ptr<JsonlStore>> {
    ::unlink(temporary.c_str());
    return open(temporary, false);
  }());
  std::string kept;
  const auto copy_kept = [&]() -> Result<void> {
    if (kept.empty()) return {};
    NETOBS_TRY_VOID(fresh->append(kept));
    kept.clear();
    return {};
  };
  auto outcome = for_each_line(fd_, path_, [&](std::string_view line) -> Result<void> {
    const auto row = parse_line(line);
    if (row && row->view().cells.front().integer == run_id) return {};
    kept.append(line).push_back('\n');
    return kept.size() < import_bytes ? Result<void>{} : copy_kept();
  });
  if (outcome) outcome = copy_kept();
  if (outcome && std::rename(temporary.c_str(), path_.c_str()) != 0) {
    outcome = fail(file_error("replace", path_, errno));
  }
  ::flock(fd_, LOCK_UN);
  if (!outcome) return ::unlink(temporary.c_str()), outcome;
  std::swap(fd_, fresh->fd_);
  sorted_.reset();
  return {};
}

std::optional<std::uint64_t> JsonlStore::size_bytes() {
  struct stat status{};
  if (::fstat(fd_, &status) != 0) return std::nullopt;
  return static_cast<std::uint64_t>(status.st_size);
}

std::string JsonlStore::description() const {
  return "jsonl:" + path_;
}

}  // namespace netobs::store
