#include "store/sqlite_error.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cerrno>

#include "store/schema.hpp"

namespace netobs::store {
namespace {

struct Explanation {
  int code;
  int sys_errno;
  std::string_view cause;
  std::string_view remedy;
};

constexpr std::array explanations{
    Explanation{SQLITE_FULL, ENOSPC, "The disk is full; everything committed before is kept.",
                "Free space there, or store elsewhere with --store."},
    Explanation{SQLITE_BUSY, EBUSY, "Another program holds a lock on the database.",
                "End it, or wait until it is done."},
    Explanation{SQLITE_LOCKED, EBUSY, "Another program holds a lock on the database.",
                "End it, or wait until it is done."},
    Explanation{SQLITE_READONLY, EACCES, "The file or its folder may not be written.",
                "Change its permissions, or store elsewhere with --store."},
    Explanation{SQLITE_PERM, EACCES, "The file may not be used.", "Change its permissions."},
    Explanation{SQLITE_CANTOPEN, ENOENT,
                "The file or its folder does not exist or may not be opened.",
                "Make the folder, or store elsewhere with --store."},
    Explanation{SQLITE_NOTADB, EPROTO, "The file is not a SQLite database.",
                "Give netobs a file of its own."},
    Explanation{SQLITE_CORRUPT, EBADMSG, "The database file is damaged.",
                "Move it away and start a new one; sqlite3's .recover may save its rows."},
    Explanation{SQLITE_IOERR, EIO, "The operating system could not read or write the file.",
                "Look at the kernel log for disk errors."},
    Explanation{SQLITE_NOMEM, ENOMEM, "There is not enough memory.", ""},
    Explanation{SQLITE_TOOBIG, EBADMSG, "A value in the database is larger than any netobs writes.",
                "The database was changed by something else: use a backup."},
    Explanation{SQLITE_ERROR, EPROTO, "The database does not have the tables netobs makes.",
                "Give netobs a file of its own."},
};

int mapped_errno(sqlite3* db, const Explanation& row) {
  // SQLite reports a file size limit (EFBIG) and a full quota as I/O errors or as full.
  const int system = sqlite3_system_errno(db);
  const bool space = system == ENOSPC || system == EFBIG || system == EDQUOT;
  return space && (row.code == SQLITE_IOERR || row.code == SQLITE_FULL) ? system : row.sys_errno;
}

}  // namespace

Error sqlite_error(sqlite3* db, std::string_view doing, std::string_view path) {
  const auto what = fmt::format("{} {}", doing, path.empty() ? "a temporary database" : path);
  if (db == nullptr) return {what, ENOMEM, "There is not enough memory.", ""};
  const int code = sqlite3_errcode(db) & 0xff;
  for (const auto& row : explanations) {
    if (row.code != code) continue;
    return {what, mapped_errno(db, row), fmt::format("{} ({})", row.cause, sqlite3_errmsg(db)),
            std::string(row.remedy)};
  }
  return {what, EPROTO, fmt::format("SQLite says: {}.", sqlite3_errmsg(db)), ""};
}

Error sqlite_no_schema(std::string_view path) {
  return {fmt::format("open {}", path), EPROTO, "It holds no netobs tables.",
          "Name the database that a run was stored in, or make one: netobs db init."};
}

Error wrong_schema_version(std::string_view store, std::int64_t found) {
  return {fmt::format("open {}", store), EPROTO,
          fmt::format("Its tables have schema version {}; this netobs knows versions {} to {}.",
                      found, oldest_schema_version, schema_version),
          "Use the netobs that wrote it, or store elsewhere with --store."};
}

}  // namespace netobs::store
