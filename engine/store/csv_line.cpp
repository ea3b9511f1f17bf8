#include "store/csv_line.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <iterator>

namespace netobs::store {
namespace {

void append_text(std::string& out, std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_field(std::string& out, const Cell& cell) {
  switch (cell.kind) {
    case Cell::Kind::null:
      return;
    case Cell::Kind::integer:
      fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), cell.integer);
      return;
    case Cell::Kind::real:
      fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), cell.real);
      return;
    case Cell::Kind::text:
      append_text(out, cell.bytes);
      return;
    case Cell::Kind::blob:
      for (const char c : cell.bytes) {
        fmt::format_to(std::back_inserter(out), FMT_COMPILE("{:02x}"),
                       static_cast<unsigned char>(c));
      }
      return;
  }
}

}  // namespace

void append_csv_head(std::string& out, const Table& table) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ',';
    append_text(out, table.columns[i].name);
  }
  out += '\n';
}

void append_csv_row(std::string& out, const Table& table, const Cell* row) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) out += ',';
    append_field(out, row[i]);
  }
  out += '\n';
}

}  // namespace netobs::store
