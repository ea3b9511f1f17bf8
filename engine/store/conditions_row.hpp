#pragma once

#include "core/conditions/conditions.hpp"
#include "store/row.hpp"

namespace netobs::store {

/// The row of udp_metrics_table() for one check; `document` is its JSON.
[[nodiscard]] OwnedBatch to_rows(std::int64_t id, const conditions::Conditions& found,
                                 std::string_view document);

}  // namespace netobs::store
