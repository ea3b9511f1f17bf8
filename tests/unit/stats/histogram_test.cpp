#include "core/stats/histogram.hpp"

#include <gtest/gtest.h>

namespace netobs::stats {
namespace {

Histogram of(std::initializer_list<std::int64_t> values) {
  Histogram histogram;
  for (const auto value : values) histogram.add(value);
  return histogram;
}

std::string bytes_of(const Histogram& histogram) {
  std::string bytes;
  histogram.serialise(bytes);
  return bytes;
}

bool parses(std::string_view bytes) {
  ByteReader in(bytes);
  const Histogram histogram = Histogram::parse(in);
  if (in.failed()) {
    EXPECT_EQ(histogram.count(), 0U);
  }
  return !in.failed();
}

TEST(Histogram, SmallMagnitudesAreExact) {
  const auto buckets = of({-255, -1, 0, 1, 255}).buckets();
  ASSERT_EQ(buckets.size(), 5U);
  EXPECT_EQ(buckets[0].low, -255);
  EXPECT_EQ(buckets[0].high, -255);
  EXPECT_EQ(buckets[2].middle(), 0);
  EXPECT_EQ(buckets[4].low, 255);
  EXPECT_EQ(buckets[4].high, 255);
}

TEST(Histogram, BucketsWidenWithTheValue) {
  const auto buckets = of({256, 511, 512, 14'220, -14'220}).buckets();
  ASSERT_EQ(buckets.size(), 5U);
  EXPECT_EQ(buckets[0].low, -14'239);  // 2^13 <= 14 220 < 2^14: 32 wide
  EXPECT_EQ(buckets[0].high, -14'208);
  EXPECT_EQ(buckets[1].low, 256);
  EXPECT_EQ(buckets[1].high, 256);
  EXPECT_EQ(buckets[2].high, 511);
  EXPECT_EQ(buckets[3].low, 512);
  EXPECT_EQ(buckets[3].high, 513);
  EXPECT_EQ(buckets[4].low, 14'208);
  EXPECT_EQ(buckets[4].high, 14'239);
  EXPECT_EQ(buckets[4].middle(), 14'223);
}

TEST(Histogram, EndsOfInt64) {
  const auto buckets = of({INT64_MIN, INT64_MIN + 1, INT64_MAX}).buckets();
  ASSERT_EQ(buckets.size(), 3U);
  EXPECT_EQ(buckets[0].low, INT64_MIN);
  EXPECT_EQ(buckets[0].high, INT64_MIN);
  EXPECT_EQ(buckets[1].low, INT64_MIN + 1);
  EXPECT_EQ(buckets[2].high, INT64_MAX);
}

TEST(Histogram, EveryPowerOfTwoLandsInABucketThatHoldsIt) {
  for (unsigned shift = 0; shift < 63; ++shift) {
    for (const std::int64_t near : {-1, 0, 1}) {
      const std::int64_t value = (std::int64_t{1} << shift) + near;
      for (const std::int64_t each : {value, -value}) {
        const auto bucket = of({each}).buckets().at(0);
        EXPECT_LE(bucket.low, each);
        EXPECT_GE(bucket.high, each);
        EXPECT_LE(magnitude(bucket.high - bucket.low), magnitude(each) / 256);
        EXPECT_LE(magnitude(bucket.middle() - each), magnitude(each) / 512);
      }
    }
  }
}

TEST(Histogram, EveryBucketBeginsAndEndsWhereItShould) {
  for (unsigned octave = 0; octave < 55; ++octave) {
    for (std::int64_t sub = 0; sub < 256; ++sub) {
      const std::int64_t low = (256 + sub) << octave;
      const std::int64_t high = low + ((std::int64_t{1} << octave) - 1);
      for (const std::int64_t each : {low, high}) {
        const auto bucket = of({each, -each}).buckets();
        ASSERT_EQ(bucket.size(), 2U);
        ASSERT_EQ(bucket[0].low, -high) << each;
        ASSERT_EQ(bucket[0].high, -low) << each;
        ASSERT_EQ(bucket[1].low, low) << each;
        ASSERT_EQ(bucket[1].high, high) << each;
      }
    }
  }
}

TEST(Histogram, RanksAscendThroughNegativeValues) {
  const Histogram histogram = of({5, -7, 100, -7, 0});
  EXPECT_EQ(histogram.bucket_at_rank(1).low, -7);
  EXPECT_EQ(histogram.bucket_at_rank(2).low, -7);
  EXPECT_EQ(histogram.bucket_at_rank(3).low, 0);
  EXPECT_EQ(histogram.bucket_at_rank(4).low, 5);
  EXPECT_EQ(histogram.bucket_at_rank(5).low, 100);
}

TEST(HistogramDeathTest, RankBeyondTheCount) {
  const Histogram histogram = of({1});
  EXPECT_DEATH(static_cast<void>(histogram.bucket_at_rank(2)), "rank 2 of 1");
}

TEST(Histogram, BytesAreCanonical) {
  EXPECT_EQ(bytes_of(of({1, 300, -2})), bytes_of(of({-2, 300, 1})));
  EXPECT_TRUE(of({1, 300, -2}) == of({300, -2, 1}));
  EXPECT_FALSE(of({1, 300}) == of({1, 301}));
  // version, 3 pages; page 0: 1 used, gap 1, count 1; page 1 (256..511): gap 44; page 57: gap 2.
  EXPECT_EQ(bytes_of(of({1, 300, -2})), std::string("\1\3"
                                                    "\0\1\1\1"
                                                    "\1\1\x2c\1"
                                                    "\x39\1\2\1",
                                                    14));
}

TEST(Histogram, ParseRestoresEverything) {
  const Histogram histogram = of({INT64_MIN, -5, 0, 0, 0, 7, 123'456'789, INT64_MAX});
  const std::string bytes = bytes_of(histogram);
  ByteReader in(bytes);
  EXPECT_TRUE(Histogram::parse(in) == histogram);
  EXPECT_TRUE(in.at_end());
  EXPECT_FALSE(in.failed());
}

TEST(Histogram, ParseRefusesWhatCannotBe) {
  using namespace std::string_literals;
  EXPECT_TRUE(parses("\1\0"s));
  EXPECT_FALSE(parses(""s));
  EXPECT_FALSE(parses("\2\0"s));                  // another version
  EXPECT_FALSE(parses("\1\1\0\1\0\0"s));          // a bucket with nothing in it
  EXPECT_FALSE(parses("\1\1\0\0"s));              // a page with nothing in it
  EXPECT_FALSE(parses("\1\1\x72\1\0\1"s));        // page 114
  EXPECT_FALSE(parses("\1\2\1\1\0\1\1\1\0\1"s));  // the same page twice
  EXPECT_FALSE(parses("\1\1\1\1\x80\2\1"s));      // sub-bucket 256
  EXPECT_FALSE(parses("\1\1\1\2\xff\1\1\0\1"s));  // a second one behind the last
  EXPECT_FALSE(parses("\1\1\x38\1\0\1"s));        // a positive value of 2^63
  EXPECT_FALSE(parses("\1\1\x39\1\0\1"s));        // minus zero
  EXPECT_FALSE(parses("\1\1\0\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"s));  // 2^64 - 1 values
  EXPECT_FALSE(parses("\1\1\0\1\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\2"s));  // more than 64 bits
  EXPECT_FALSE(parses("\1\xff\xff\xff\x7f"s));  // pages that never come
}

}  // namespace
}  // namespace netobs::stats
