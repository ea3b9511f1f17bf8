#include "core/report/format.hpp"

#include <gtest/gtest.h>

#include "core/report/text_page.hpp"

namespace netobs::report {
namespace {

TEST(Format, ThreeSignificantDigits) {
  const TimeUnit us{"us", 1e3};
  EXPECT_EQ(duration_text(14'223.0, us), "14.2 us");
  EXPECT_EQ(duration_text(310.0, us), "0.31 us");
  EXPECT_EQ(duration_text(4.0, us), "0.004 us");
  EXPECT_EQ(duration_text(412'300.0, us), "412 us");
  EXPECT_EQ(duration_text(1'234'000.0, us), "1 230 us");
  EXPECT_EQ(duration_text(9'996.0, us), "10.0 us");
  EXPECT_EQ(duration_text(99'960.0, us), "100 us");
  EXPECT_EQ(duration_text(999'600.0, us), "1 000 us");
  EXPECT_EQ(duration_text(0.0, us), "0 us");
  EXPECT_EQ(duration_text(-2'500.0, us), "-2.50 us");
  EXPECT_EQ(duration_text(std::int64_t{9'223'372'036'854'775'807}), "9 220 000 000 s");
  EXPECT_EQ(duration_text(std::int64_t{999}), "999 ns");
  EXPECT_EQ(range_text(17'300, 17'440), "17.3 to 17.4 us");
}

TEST(Format, OneUnitPerColumn) {
  EXPECT_EQ(unit_for({}).name, "ns");
  EXPECT_EQ(unit_for({0, 0}).name, "ns");
  EXPECT_EQ(unit_for({14'000, 10'000, 9'000}).name, "us");
  EXPECT_EQ(unit_for({117, 350, 4'000}).name, "us");
  EXPECT_EQ(unit_for({5'000, 6'000, 40'000'000}).name, "us");
  EXPECT_EQ(unit_for({5'000'000, 600'000, -40'000'000}).name, "ms");
}

TEST(Format, SharesAndCounts) {
  EXPECT_EQ(percent_text(0.134), "13 %");
  EXPECT_EQ(percent_text(0.004), "0.4 %");
  EXPECT_EQ(percent_text(0), "0 %");
  EXPECT_EQ(percent_floor(1), "100 %");
  EXPECT_EQ(percent_floor(0.99999), "99.99 %");
  EXPECT_EQ(percent_floor(0.5), "50.00 %");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1 000");
  EXPECT_EQ(grouped(18'446'744'073'709'551'615ULL), "18 446 744 073 709 551 615");
  EXPECT_EQ(counted(1, "probe"), "1 probe");
  EXPECT_EQ(counted(0, "probe"), "0 probes");
}

TEST(TextPage, WrapsWithAHangingIndent) {
  TextPage page({.colour = false, .utf8 = false, .columns = 60});
  page.paragraph("note", "one two three four five six seven eight nine ten eleven twelve", 10);
  EXPECT_EQ(page.take(),
            "note      one two three four five six seven eight nine ten\n"
            "          eleven twelve\n");
}

TEST(TextPage, AWordLongerThanALineStaysWhole) {
  TextPage page({.colour = false, .utf8 = false, .columns = 0});
  const std::string word(70, 'x');
  page.paragraph("a", "b " + word, 2);
  EXPECT_EQ(page.take(), "a b\n  " + word + "\n");
}

TEST(TextPage, BarsAndColours) {
  const TextPage plain({.colour = false, .utf8 = false, .columns = 80});
  EXPECT_EQ(plain.bar(1, 7), "#######");
  EXPECT_EQ(plain.bar(0.001, 7), "#");
  EXPECT_EQ(plain.bar(0, 7), "");
  EXPECT_EQ(plain.bar(5, 7), "#######");
  const TextPage rich({.colour = true, .utf8 = true, .columns = 80});
  EXPECT_EQ(rich.bar(0.5, 7), "\x1b[36m\u2588\u2588\u2588\u258c\x1b[0m");
  EXPECT_EQ(rich.right("x", 3, Ink::faint), "  \x1b[2mx\x1b[0m");
}

}  // namespace
}  // namespace netobs::report
