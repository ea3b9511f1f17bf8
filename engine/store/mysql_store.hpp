#pragma once

#include <memory>

#include "store/open.hpp"

namespace netobs::store {

/// A store on a MySQL or MariaDB server, through Connector/C++. The database is made if it is
/// missing and the account may. Open it on the thread that uses it.
[[nodiscard]] Result<std::unique_ptr<Store>> open_mysql_store(const StoreUrl& url,
                                                              const OpenOptions& options);

}  // namespace netobs::store
