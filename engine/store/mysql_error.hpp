#pragma once
// MySQL's error numbers as errors with cause and remedy. Needs no client library.

#include <string>
#include <string_view>

#include "core/base/result.hpp"

namespace netobs::store {

/// code: of the server (1000..1999, 3000..) or of the client library (2000..2999; MariaDB also
/// 5000..). what: what was tried, on which store. text: the library's own words.
[[nodiscard]] Error mysql_error(int code, std::string what, std::string_view text);
/// True when the connection or its prepared statements are gone and a new one may help at once.
[[nodiscard]] bool connection_is_lost(const Error& error);

}  // namespace netobs::store
