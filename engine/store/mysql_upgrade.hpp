#pragma once
// Brings the tables of an earlier schema version to this program's. Private to the MySQL store.

#include <chrono>

#include "core/base/result.hpp"
#include "store/mysql_connect.hpp"

namespace netobs::store {

/// Adds the columns that the tables of the connection's database lack, one ALTER TABLE per table,
/// then raises the version row. Repeats nothing that is done, so it may be interrupted, and two
/// processes may do it at once. Waits for others' locks on a table for half of `io_timeout`; the
/// error is then a transient one.
[[nodiscard]] Result<void> mysql_upgrade(sql::Connection& connection, const StoreUrl& url,
                                         std::chrono::seconds io_timeout);

}  // namespace netobs::store
