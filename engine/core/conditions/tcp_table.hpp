#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/endpoint.hpp"

namespace netobs::conditions {

/// How many established connections to `remote` a table in the form of /proc/net/tcp or
/// /proc/net/tcp6 holds. The scope of an address is not in it and not compared. Lines of another
/// form are passed over.
[[nodiscard]] std::uint64_t established_in(std::string_view table, const Endpoint& remote);

}  // namespace netobs::conditions
