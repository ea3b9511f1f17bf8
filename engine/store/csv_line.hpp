#pragma once
// Rows as comma-separated values (RFC 4180, lines ended by a newline alone).

#include <string>

#include "store/row.hpp"

namespace netobs::store {

/// Appends the names of the table's columns.
void append_csv_head(std::string& out, const Table& table);
/// Appends one row. Null is an empty field, an empty text is "", a blob is hexadecimal.
void append_csv_row(std::string& out, const Table& table, const Cell* row);

}  // namespace netobs::store
