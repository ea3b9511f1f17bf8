#include "core/correlate/arrivals.hpp"

#include <gtest/gtest.h>

namespace netobs {
namespace {

TEST(ArrivalNumbers, CountsWhatNoReplyHasCarried) {
  ArrivalNumbers numbers(64);
  const auto four = numbers.first_of_probe(4);
  const auto nine = numbers.first_of_probe(9);
  EXPECT_EQ(numbers.missing_between(four, nine), 4U);          // 5, 6, 7, 8
  EXPECT_EQ(numbers.missing_between(std::nullopt, four), 4U);  // 0, 1, 2, 3
  numbers.again(6);
  EXPECT_EQ(numbers.missing_between(four, nine), 3U);
}

TEST(ArrivalNumbers, SaysNothingAboutNumbersInTheWrongOrder) {
  ArrivalNumbers numbers(64);
  const auto five = numbers.first_of_probe(5);
  const auto four = numbers.first_of_probe(4);
  EXPECT_EQ(numbers.missing_between(five, four), std::nullopt);
}

TEST(ArrivalNumbers, GoesOnAcrossTheWrapOf32Bits) {
  ArrivalNumbers numbers(64);
  const auto before = numbers.first_of_probe(0xffff'fffe);
  const auto after = numbers.first_of_probe(2);
  EXPECT_EQ(numbers.missing_between(before, after), 3U);  // 0xffffffff, 0, 1
}

TEST(ArrivalNumbers, ANumberOfAnotherProbeIsANewBeginning) {
  ArrivalNumbers numbers(64);
  const auto zero = numbers.first_of_probe(0);
  const auto seven = numbers.first_of_probe(7);
  const auto restarted = numbers.first_of_probe(0);
  const auto three = numbers.first_of_probe(3);
  EXPECT_EQ(numbers.missing_between(zero, seven), std::nullopt);
  EXPECT_EQ(numbers.missing_between(seven, three), std::nullopt);
  EXPECT_EQ(numbers.missing_between(restarted, three), 2U);
  EXPECT_EQ(numbers.missing_between(std::nullopt, three), std::nullopt);
}

TEST(ArrivalNumbers, TheSameReplyTwiceIsNoNewBeginning) {
  ArrivalNumbers numbers(64);
  const auto zero = numbers.first_of_probe(0);
  numbers.again(0);
  const auto two = numbers.first_of_probe(2);
  EXPECT_EQ(numbers.missing_between(zero, two), 1U);
}

TEST(ArrivalNumbers, AJumpBeyondTheWindowIsANewBeginning) {
  ArrivalNumbers numbers(64);
  const auto zero = numbers.first_of_probe(0);
  const auto far = numbers.first_of_probe(64);
  EXPECT_EQ(numbers.missing_between(zero, far), std::nullopt);
}

}  // namespace
}  // namespace netobs
