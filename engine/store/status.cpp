#include "store/status.hpp"

#include "store/schema.hpp"
#include "store/spool.hpp"

namespace netobs::store {

Result<void> init_store(const StoreUrl& url, const OpenOptions& options) {
  NETOBS_TRY(store, open_store(url, options));
  (void)store;
  return {};
}

Result<StoreStatus> status_of_store(const StoreUrl& url, OpenOptions options,
                                    const std::string& spool_directory) {
  options.read_only = true;
  NETOBS_TRY(store, open_store(url, options));
  StoreStatus status;
  status.description = store->description();
  status.schema_version = store->version();
  for (const Table* table : all_tables()) {
    NETOBS_TRY(rows, store->count_rows(*table));
    status.tables.push_back({table->name, rows});
  }
  status.size_bytes = store->size_bytes();
  NETOBS_TRY(waiting, spooled_rows(url, spool_directory));
  status.spooled_rows = waiting;
  return status;
}

Result<std::uint64_t> spooled_rows(const StoreUrl& url, const std::string& spool_directory) {
  return Spool(spool_directory, url.describe()).waiting();
}

Result<std::uint64_t> flush_spool(const StoreUrl& url, const OpenOptions& options,
                                  const std::string& spool_directory) {
  Spool spool(spool_directory, url.describe());
  NETOBS_TRY(waiting, spool.waiting());
  if (waiting == 0) return 0;
  NETOBS_TRY(store, open_store(url, options));
  return flush(spool, *store);
}

}  // namespace netobs::store
