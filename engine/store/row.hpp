#pragma once
// One schema for every store: tables as data, rows as cells. The SQL stores, the JSON lines store
// and the spool all work from this table, so a new column is one line.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace netobs::store {

enum class Type : std::uint8_t { integer, real, text, blob };

/// One value. Text and blob point into memory that the row batch owns.
struct Cell {
  enum class Kind : std::uint8_t { null, integer, real, text, blob };
  Kind kind = Kind::null;
  std::int64_t integer = 0;
  double real = 0;
  std::string_view bytes;

  static Cell null() { return {}; }
  static Cell of(std::int64_t value) { return {Kind::integer, value, 0, {}}; }
  static Cell of_real(double value) { return {Kind::real, 0, value, {}}; }
  static Cell of_text(std::string_view value) { return {Kind::text, 0, 0, value}; }
  static Cell of_blob(std::string_view value) { return {Kind::blob, 0, 0, value}; }
  friend bool operator==(const Cell&, const Cell&) = default;
};

struct Column {
  std::string_view name;
  Type type;
  bool nullable = true;
  /// Integer: bits that the SQL column needs (16 or 64). Text: longest value in bytes, 0 =
  /// unbounded (such a column cannot be part of a key).
  std::uint16_t width = 0;
  /// The schema version that brought it. Later than 1: nullable, and a store of an earlier version
  /// lacks it.
  std::int64_t since = 1;
};

struct Table {
  std::string_view name;
  std::vector<Column> columns;
  std::size_t key_columns;  ///< the first so many columns are the primary key; the first is run_id
  /// Columns of a second index, on a MySQL server; empty = none. Only for tables that are written
  /// once per run. A store made before it was added does without.
  std::vector<std::string_view> index = {};
};

/// Rows of one table, row by row: cells.size() is a multiple of the table's column count.
struct Batch {
  const Table* table = nullptr;
  std::vector<Cell> cells;
  [[nodiscard]] std::size_t rows() const { return cells.size() / table->columns.size(); }
};

/// A batch that owns the text its cells point to. Move-only; moving keeps the cells valid.
class OwnedBatch {
 public:
  explicit OwnedBatch(const Table& table) { batch_.table = &table; }
  OwnedBatch(OwnedBatch&&) noexcept = default;
  OwnedBatch& operator=(OwnedBatch&&) noexcept = default;
  OwnedBatch(const OwnedBatch&) = delete;
  OwnedBatch& operator=(const OwnedBatch&) = delete;
  ~OwnedBatch() = default;

  /// Appends one cell; text and blob are copied.
  void add(const Cell& cell) {
    batch_.cells.push_back(cell);
    if (cell.kind == Cell::Kind::text || cell.kind == Cell::Kind::blob) {
      text_bytes_ += cell.bytes.size();
      // A deque never moves its elements, so the views stay good while it grows or is moved.
      batch_.cells.back().bytes = text_.emplace_back(cell.bytes);
    }
  }
  void clear() {
    batch_.cells.clear();
    text_.clear();
    text_bytes_ = 0;
  }
  [[nodiscard]] const Batch& view() const { return batch_; }
  [[nodiscard]] const Table& table() const { return *batch_.table; }
  [[nodiscard]] std::size_t rows() const { return batch_.rows(); }
  /// What it keeps in memory, roughly.
  [[nodiscard]] std::size_t size_bytes() const {
    return batch_.cells.size() * sizeof(Cell) + text_bytes_;
  }

 private:
  Batch batch_;
  std::deque<std::string> text_;
  std::size_t text_bytes_ = 0;
};

}  // namespace netobs::store
