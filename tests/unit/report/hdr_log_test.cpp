#include "core/report/hdr_log.hpp"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <initializer_list>
#include <limits>
#include <utility>
#include <vector>

namespace netobs::report {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

stats::Distribution of(std::initializer_list<std::pair<std::int64_t, int>> values) {
  stats::Distribution distribution;
  for (const auto& [value, count] : values) {
    for (int i = 0; i < count; ++i) distribution.add(value);
  }
  return distribution;
}

std::string line_of(const stats::Distribution& distribution, std::uint64_t left_out = 0) {
  std::string line;
  EXPECT_EQ(append_hdr_interval(line, {"rtt.app", 1'700'000'000'000'000'000, 1'000'000'000},
                                distribution),
            left_out);
  return line;
}

/// The histogram of a line, unpacked, in hexadecimal digits.
std::string unpacked(const std::string& line) {
  const auto start = line.rfind(',') + 1;
  const auto text = line.substr(start, line.size() - start - 1);
  std::vector<unsigned char> frame(text.size());
  EXPECT_GT(::EVP_DecodeBlock(frame.data(), reinterpret_cast<const unsigned char*>(text.data()),
                              static_cast<int>(text.size())),
            8);
  EXPECT_EQ(std::vector<unsigned char>(frame.begin(), frame.begin() + 4),
            (std::vector<unsigned char>{0x1c, 0x84, 0x93, 0x14}));
  const auto size = static_cast<uLong>(frame[6]) << 8U | frame[7];
  std::vector<unsigned char> bytes(100'000);
  uLongf length = bytes.size();
  EXPECT_EQ(::uncompress(bytes.data(), &length, frame.data() + 8, size), Z_OK);
  std::string hex;
  for (uLongf i = 0; i < length; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    hex += digits[bytes[i] >> 4U];
    hex += digits[bytes[i] & 15U];
  }
  return hex;
}

// The expected bytes are those of HdrHistogram 2.1.11 (Java), encodeIntoByteBuffer(), for the same
// values with 3 digits and a highest trackable value of one hour in ns.

TEST(HdrLog, EncodesAsHdrHistogramDoes) {
  EXPECT_EQ(unpacked(line_of(of({{0, 1}, {1, 2}, {3, 1}, {200, 1}, {4'000'000, 1}}))),
            "1c8493130000000b000000000000000300000000000000010000034630b8a0003ff0000000000000"
            "02040002870302afcb0102");
  EXPECT_EQ(unpacked(line_of(of({{5, 300}, {7, 70'000}}))),
            "1c84931300000007000000000000000300000000000000010000034630b8a0003ff0000000000000"
            "09d80400e0c508");
  EXPECT_EQ(unpacked(line_of(of({{4'095, 1}}))),
            "1c84931300000003000000000000000300000000000000010000034630b8a0003ff0000000000000"
            "fd2f02");
}

TEST(HdrLog, KeepsExtremesAndTheMiddleOfABucket) {
  // 14 208 to 14 239 is one bucket of a Distribution.
  EXPECT_EQ(unpacked(line_of(of({{1, 1}, {14'213, 3}, {4'000'000, 1}}))),
            "1c84931300000009000000000000000300000000000000010000034630b8a0003ff0000000000000"
            "0002dd4b06dd820102");
}

TEST(HdrLog, TakesTheLargestValueThereIs) {
  EXPECT_EQ(unpacked(line_of(of({{std::numeric_limits<std::int64_t>::max(), 1}}))),
            "1c84931300000004000000000000000300000000000000017fffffffffffffff3ff0000000000000"
            "fddf0602");
}

TEST(HdrLog, LeavesNegativeValuesOutAndCountsThem) {
  EXPECT_EQ(unpacked(line_of(of({{-7, 2}, {-1, 1}, {5, 300}, {7, 70'000}}), 3)),
            unpacked(line_of(of({{5, 300}, {7, 70'000}}))));
  EXPECT_EQ(line_of(of({{-7, 2}, {-1, 1}}), 3), "");
  EXPECT_EQ(line_of({}), "");
}

TEST(HdrLog, SaysWhenAndWhat) {
  EXPECT_THAT(line_of(of({{1'234'567, 2}})),
              StartsWith("Tag=rtt.app,1700000000.000,1.000,1.234567,HISTFAAAA"));
  std::string line;
  (void)append_hdr_interval(line, {"a b,c\n=d", -5, -5}, of({{1, 1}}));
  EXPECT_THAT(line, StartsWith("Tag=a_b_c__d,0.000,0.000,0.000001,"));
  EXPECT_THAT(hdr_log_head(1'700'000'000'123'456'789),
              HasSubstr("#[StartTime: 1700000000.123 (seconds since epoch), "
                        "2023-11-14T22:13:20.123456789Z]\n"));
  EXPECT_EQ(hdr_log_comment("a\nb"), "#[a?b]\n");
}

}  // namespace
}  // namespace netobs::report
