#include "store/csv_line.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "sample.hpp"

namespace netobs::store {
namespace {

const Table& table_of_all_types() {
  static const Table table{"all",
                           {{"id", Type::integer},
                            {"real", Type::real},
                            {"a,b", Type::text},
                            {"blob", Type::blob},
                            {"last", Type::integer}},
                           1};
  return table;
}

std::string row_with(std::string_view text) {
  const std::array cells{Cell::of(std::numeric_limits<std::int64_t>::min()), Cell::of_real(0.1),
                         Cell::of_text(text), Cell::of_blob(std::string_view("\0\xff", 2)),
                         Cell::null()};
  std::string out;
  append_csv_row(out, table_of_all_types(), cells.data());
  return out;
}

TEST(CsvLine, QuotesOnlyWhereItMust) {
  EXPECT_EQ(row_with("plain text"), "-9223372036854775808,0.1,plain text,00ff,\n");
  EXPECT_EQ(row_with("a,b"), "-9223372036854775808,0.1,\"a,b\",00ff,\n");
  EXPECT_EQ(row_with("say \"a\""), "-9223372036854775808,0.1,\"say \"\"a\"\"\",00ff,\n");
  EXPECT_EQ(row_with("two\r\nlines"), "-9223372036854775808,0.1,\"two\r\nlines\",00ff,\n");
  // Not the same as null.
  EXPECT_EQ(row_with(""), "-9223372036854775808,0.1,\"\",00ff,\n");
}

TEST(CsvLine, HeadNamesTheColumns) {
  std::string head;
  append_csv_head(head, table_of_all_types());
  EXPECT_EQ(head, "id,real,\"a,b\",blob,last\n");
}

TEST(CsvLine, ProbeHasAFieldPerColumn) {
  std::vector<Cell> cells;
  append_probe(cells, 7, sample_probe(3));
  std::string line;
  append_csv_row(line, probes_table(), cells.data());
  // Of the seventeen points of each host: the sender's first and twelfth, the reflector's ninth.
  EXPECT_EQ(line, "7,3,1700000000003000000,-7,2,4294967295,2,64,255,3,1700000000002999993" +
                      std::string(11, ',') + "-1" + std::string(14, ',') + "0" +
                      std::string(8, ',') + "\n");
}

}  // namespace
}  // namespace netobs::store
