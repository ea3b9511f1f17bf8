#pragma once
// What `netobs db init|status|flush` do.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "store/open.hpp"

namespace netobs::store {

struct TableCount {
  std::string_view table;
  std::uint64_t rows = 0;
};

struct StoreStatus {
  std::string description;          ///< without a password
  std::int64_t schema_version = 0;  ///< below store::schema_version: not yet upgraded
  std::vector<TableCount> tables;
  std::optional<std::uint64_t> size_bytes;  ///< where the store can tell
  std::uint64_t spooled_rows = 0;           ///< of all tables, waiting on this machine
};

/// Makes what is missing of the store: file, database, tables. Doing it again changes nothing.
[[nodiscard]] Result<void> init_store(const StoreUrl& url, const OpenOptions& options);
/// Looks, and changes nothing.
[[nodiscard]] Result<StoreStatus> status_of_store(const StoreUrl& url, OpenOptions options,
                                                  const std::string& spool_directory);
/// Rows of all tables that wait in the spool for this store; 0 when there is no spool.
[[nodiscard]] Result<std::uint64_t> spooled_rows(const StoreUrl& url,
                                                 const std::string& spool_directory);
/// Sends what waits in the spool for this store. Returns how many rows, 0 without opening the store
/// when nothing waits.
[[nodiscard]] Result<std::uint64_t> flush_spool(const StoreUrl& url, const OpenOptions& options,
                                                const std::string& spool_directory);

}  // namespace netobs::store
