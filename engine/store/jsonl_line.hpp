#pragma once
// One row as one line of JSON, and back.

#include <optional>
#include <string>
#include <string_view>

#include "store/row.hpp"

namespace netobs::store {

/// Appends the row and a newline. Bytes of a text that are not UTF-8 become U+FFFD.
void append_line(std::string& out, const Table& table, const Cell* row);
/// A batch with the one row that the line holds, or nothing when it holds none. Unknown keys are
/// ignored, an absent nullable column is null.
[[nodiscard]] std::optional<OwnedBatch> parse_line(std::string_view line);

}  // namespace netobs::store
