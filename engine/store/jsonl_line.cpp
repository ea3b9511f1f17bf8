#include "store/jsonl_line.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "store/schema.hpp"

namespace netobs::store {
namespace {

using Json = nlohmann::json;

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.push_back(digits[byte >> 4U]);
    out.push_back(digits[byte & 0xfU]);
  }
}

std::optional<std::string> from_hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digits.find(text[i]);
    const auto low = digits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out.push_back(static_cast<char>(high << 4U | low));
  }
  return out;
}

void append_value(std::string& out, const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::null:
      out += "null";
      return;
    case Cell::Kind::integer:
      fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), cell.integer);
      return;
    case Cell::Kind::real:
      // JSON has no infinity; the shortest text that reads back as the same number otherwise.
      out += std::isfinite(cell.real) ? Json(cell.real).dump() : "0.0";
      return;
    case Cell::Kind::text:
      out += Json(cell.bytes).dump(-1, ' ', false, Json::error_handler_t::replace);
      return;
    case Cell::Kind::blob:
      out += '"';
      append_hex(out, cell.bytes);
      out += '"';
      return;
  }
}

/// Adds the value as a cell of the column; false when it does not fit.
bool add_value(OwnedBatch& batch, const Column& column, const Json* value) {
  if (value == nullptr || value->is_null()) {
    if (column.nullable) batch.add(Cell::null());
    return column.nullable;
  }
  if (column.type == Type::integer) {
    const bool too_large =
        value->is_number_unsigned() && value->get<std::uint64_t>() > std::uint64_t{INT64_MAX};
    if (!value->is_number_integer() || too_large) return false;
    batch.add(Cell::of(value->get<std::int64_t>()));
    return true;
  }
  if (column.type == Type::real) {
    if (!value->is_number()) return false;
    batch.add(Cell::of_real(value->get<double>()));
    return true;
  }
  if (!value->is_string()) return false;
  const auto& text = value->get_ref<const std::string&>();
  if (column.type == Type::blob) {
    const auto bytes = from_hex(text);
    if (bytes) batch.add(Cell::of_blob(*bytes));
    return bytes.has_value();
  }
  if (column.width != 0 && text.size() > column.width) return false;
  batch.add(Cell::of_text(text));
  return true;
}

/// Ends a parse at the first value that is nested: a row is flat, and depth is not ours to spend.
bool flat(int depth, Json::parse_event_t, Json&) {
  return depth <= 1;
}

}  // namespace

void append_line(std::string& out, const Table& table, const Cell* row) {
  fmt::format_to(std::back_inserter(out), FMT_COMPILE("{{\"table\":\"{}\""), table.name);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    fmt::format_to(std::back_inserter(out), FMT_COMPILE(",\"{}\":"), table.columns[i].name);
    append_value(out, row[i]);
  }
  out += "}\n";
}

std::optional<OwnedBatch> parse_line(std::string_view line) {
  const auto json = Json::parse(line, flat, false);
  if (!json.is_object()) return std::nullopt;
  const auto name = json.find("table");
  if (name == json.end() || !name->is_string()) return std::nullopt;
  const Table* table = find_table(name->get_ref<const std::string&>());
  if (table == nullptr) return std::nullopt;
  OwnedBatch batch(*table);
  for (const auto& column : table->columns) {
    const auto found = json.find(std::string(column.name));
    if (!add_value(batch, column, found == json.end() ? nullptr : &*found)) return std::nullopt;
  }
  return batch;
}

}  // namespace netobs::store
