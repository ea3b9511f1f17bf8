#include "store/open.hpp"

#include <array>

#include "core/base/check.hpp"
#include "store/jsonl_store.hpp"
#include "store/mysql_store.hpp"
#include "store/sqlite_store.hpp"

namespace netobs::store {
namespace {

template <class Opened>
Result<std::unique_ptr<Store>> as_store(Opened opened) {
  if (!opened) return std::unexpected(std::move(opened).error());
  return std::unique_ptr<Store>(std::move(*opened));
}

Result<std::unique_ptr<Store>> open_sqlite(const StoreUrl& url, const OpenOptions& options) {
  return as_store(SqliteStore::open(
      url.path, {.read_only = options.read_only,
                 .busy_timeout_ms = static_cast<int>(options.lock_timeout.count())}));
}

Result<std::unique_ptr<Store>> open_jsonl(const StoreUrl& url, const OpenOptions& options) {
  return as_store(JsonlStore::open(url.path, options.read_only));
}

constexpr std::array stores{
    StoreInfo{StoreKind::sqlite, "sqlite", "one file, no server: netobs.db or sqlite:PATH",
              open_sqlite},
    StoreInfo{StoreKind::jsonl, "jsonl", "one JSON object per line, appended: jsonl:PATH",
              open_jsonl},
    StoreInfo{StoreKind::mysql, "mysql",
              "a MySQL or MariaDB server: mysql://user@host:port/database", open_mysql_store},
};

}  // namespace

std::span<const StoreInfo> store_table() {
  return stores;
}

Result<std::unique_ptr<Store>> open_store(const StoreUrl& url, const OpenOptions& options) {
  for (const auto& row : stores) {
    if (row.kind == url.kind) return row.open(url, options);
  }
  NETOBS_CHECK(false, "store kind {}", static_cast<int>(url.kind));
  std::unreachable();
}

}  // namespace netobs::store
