#pragma once
// One connection through Connector/C++ 1.1 (Debian, on MariaDB's client library), 8 or 9. Private
// to the MySQL store, and present only where the library is.

#if __has_include(<mysql/jdbc.h>)
#include <mysql/jdbc.h>
#else
#include <cppconn/exception.h>
#include <cppconn/prepared_statement.h>
#include <cppconn/resultset.h>
#include <cppconn/statement.h>
#include <cppconn/version_info.h>
#include <mysql_connection.h>
#include <mysql_driver.h>
#endif

#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "core/base/result.hpp"
#include "store/mysql_error.hpp"
#include "store/open.hpp"

namespace netobs::store {

/// Connects, with the wanted degree of TLS, to no database in particular; strict mode, UTF-8.
[[nodiscard]] Result<std::unique_ptr<sql::Connection>> mysql_connect(const StoreUrl& url,
                                                                     const OpenOptions& options);

/// Runs `work`, which returns a Result, and turns what the library throws into an Error.
template <class Work>
auto mysql_guard(const std::string& what, Work&& work) -> decltype(work()) {
  try {
    return std::forward<Work>(work)();
  } catch (const sql::SQLException& thrown) {
    return fail(mysql_error(thrown.getErrorCode(), what, thrown.what()));
  } catch (const std::exception& thrown) {
    return fail(mysql_error(0, what, thrown.what()));
  }
}

}  // namespace netobs::store
