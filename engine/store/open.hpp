#pragma once
// The stores there are, and how to open one by its address.

#include <chrono>
#include <memory>
#include <span>
#include <string_view>

#include "store/store.hpp"
#include "store/url.hpp"

namespace netobs::store {

struct OpenOptions {
  bool read_only = false;                        ///< never create or change anything
  std::chrono::milliseconds lock_timeout{2000};  ///< SQLite: wait for another process's lock
  std::chrono::seconds connect_timeout{5};       ///< MySQL
  std::chrono::seconds io_timeout{10};           ///< MySQL: one read or write on the connection
};

struct StoreInfo {
  StoreKind kind;
  std::string_view name;
  std::string_view help;
  Result<std::unique_ptr<Store>> (*open)(const StoreUrl& url, const OpenOptions& options);
};

/// A new store is a file and a row here.
[[nodiscard]] std::span<const StoreInfo> store_table();

/// Opens the store and, unless read-only, makes what is missing of its tables and columns.
[[nodiscard]] Result<std::unique_ptr<Store>> open_store(const StoreUrl& url,
                                                        const OpenOptions& options);

}  // namespace netobs::store
