#pragma once
// SQLite's result codes as errors with cause and remedy. Private to the SQLite store.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.hpp"

struct sqlite3;

namespace netobs::store {

/// The failure of the last call on `db` (nullptr: out of memory), on which file, while doing what.
[[nodiscard]] Error sqlite_error(sqlite3* db, std::string_view doing, std::string_view path);
[[nodiscard]] Error sqlite_no_schema(std::string_view path);
/// For every kind of store: its schema has a version that this program does not know.
[[nodiscard]] Error wrong_schema_version(std::string_view store, std::int64_t found);

}  // namespace netobs::store
