#include "core/wire/tlv.hpp"

#include <gtest/gtest.h>

#include "unit/wire/hex.hpp"

namespace netobs::wire {
namespace {

using wire_test::bytes;
using wire_test::zeros;
using wire_test::operator+;
using Bytes = std::vector<std::byte>;

Hmac make_hmac() {
  return std::move(Hmac::make(bytes("000102030405060708090a0b0c0d0e0f")).value());
}

TEST(TlvWalk, StepsThroughAll) {
  const Bytes area = bytes("80010002 aaaa 00070000 40fa0001 05");
  TlvWalk walk(area);
  auto tlv = walk.next();
  ASSERT_TRUE(tlv.has_value());
  EXPECT_EQ(tlv->type, TlvType::extra_padding);
  EXPECT_TRUE(tlv->has(flag_unrecognised));
  EXPECT_EQ(tlv->value.size(), 2U);
  EXPECT_EQ(tlv->end(), 6U);
  tlv = walk.next();
  EXPECT_EQ(tlv->type, TlvType::follow_up_telemetry);
  EXPECT_EQ(tlv->value.size(), 0U);
  tlv = walk.next();
  EXPECT_EQ(tlv->type, TlvType::netobs);
  EXPECT_EQ(tlv->offset, 10U);
  EXPECT_TRUE(tlv->has(flag_malformed));
  EXPECT_FALSE(tlv->has(flag_integrity));
  EXPECT_FALSE(walk.next().has_value());
  EXPECT_FALSE(walk.malformed());
}

TEST(TlvWalk, EmptyAndZeroAreasHoldNothing) {
  for (const std::size_t size : {0UL, 1UL, 3UL, 4UL, 100UL}) {
    const Bytes area = zeros(size);
    TlvWalk walk(area);
    EXPECT_FALSE(walk.next().has_value());
    EXPECT_FALSE(walk.malformed());
    EXPECT_EQ(walk.offset(), 0U);
  }
}

TEST(TlvWalk, ZerosAfterATlvArePadding) {
  const Bytes area = bytes("80fa0001 05") + zeros(7);
  TlvWalk walk(area);
  EXPECT_TRUE(walk.next().has_value());
  EXPECT_FALSE(walk.next().has_value());
  EXPECT_FALSE(walk.malformed());
  EXPECT_EQ(walk.offset(), 5U);
}

TEST(TlvWalk, ZeroValuesBelongToTheirTlv) {
  const Bytes area = bytes("80070010") + zeros(16);
  TlvWalk walk(area);
  const auto tlv = walk.next();
  ASSERT_TRUE(tlv.has_value());
  EXPECT_EQ(tlv->value.size(), 16U);
}

TEST(TlvWalk, CutHeaderAndLongLengthAreMalformed) {
  const Bytes cut = bytes("80010000 8001");
  TlvWalk first(cut);
  EXPECT_TRUE(first.next().has_value());
  EXPECT_FALSE(first.next().has_value());
  EXPECT_TRUE(first.malformed());
  EXPECT_EQ(first.offset(), 4U);
  const Bytes long_value = bytes("80010005 01020304");
  TlvWalk second(long_value);
  EXPECT_FALSE(second.next().has_value());
  EXPECT_TRUE(second.malformed());
  EXPECT_EQ(second.offset(), 0U);
  EXPECT_FALSE(second.next().has_value());  // it stays at its end
}

TEST(TlvBuilder, FillsAndPads) {
  Bytes area(20, std::byte{0xee});
  TlvBuilder builder(area);
  const auto value = builder.add(TlvType::direct_measurement, 2);
  ASSERT_TRUE(value.has_value());
  (*value)[0] = std::byte{9};
  EXPECT_FALSE(builder.add(TlvType::hmac, 16).has_value());
  EXPECT_EQ(builder.size(), 6U);
  builder.pad_to_end();
  EXPECT_EQ(builder.size(), 20U);
  EXPECT_EQ(area, bytes("80050002 0900 8001000a") + zeros(10));
  builder.pad_to_end();  // nothing left to do
  EXPECT_EQ(builder.size(), 20U);
  EXPECT_FALSE(builder.add(TlvType::extra_padding, 0).has_value());
}

TEST(TlvBuilder, ThreeLeftOverOctetsBecomeZero) {
  Bytes area(7, std::byte{0xee});
  TlvBuilder builder(area);
  EXPECT_TRUE(builder.add(TlvType::extra_padding, 0).has_value());
  builder.pad_to_end();
  EXPECT_EQ(area, bytes("80010000 000000"));
}

TEST(TlvHmac, CoversSequenceAndPrecedingTlvs) {
  Hmac hmac = make_hmac();
  Bytes sequence = bytes("00000001");
  Bytes area(50);
  TlvBuilder builder(area);
  EXPECT_TRUE(builder.add(TlvType::follow_up_telemetry, 16).has_value());
  EXPECT_TRUE(builder.add_hmac(sequence, hmac));
  builder.pad_to_end();
  EXPECT_EQ(check_tlv_hmac(sequence, area, hmac), TlvIntegrity::verified);

  Bytes changed = area;
  changed[10] ^= std::byte{1};
  EXPECT_EQ(check_tlv_hmac(sequence, changed, hmac), TlvIntegrity::failed);
  refresh_tlv_hmac(sequence, changed, hmac);
  EXPECT_EQ(check_tlv_hmac(sequence, changed, hmac), TlvIntegrity::verified);

  Bytes padding = area;  // Extra Padding after it is not covered
  padding[49] ^= std::byte{1};
  EXPECT_EQ(check_tlv_hmac(sequence, padding, hmac), TlvIntegrity::verified);
  sequence[3] = std::byte{2};
  EXPECT_EQ(check_tlv_hmac(sequence, area, hmac), TlvIntegrity::failed);
}

TEST(TlvHmac, AbsentWrongLengthOrNotLast) {
  Hmac hmac = make_hmac();
  const Bytes sequence = bytes("00000001");
  EXPECT_EQ(check_tlv_hmac(sequence, bytes("80010000"), hmac), TlvIntegrity::absent);
  EXPECT_EQ(check_tlv_hmac(sequence, bytes("80080004 01020304"), hmac), TlvIntegrity::failed);
  Bytes area(40);
  TlvBuilder builder(area);
  EXPECT_TRUE(builder.add_hmac(sequence, hmac));
  EXPECT_EQ(check_tlv_hmac(sequence, area, hmac), TlvIntegrity::verified);
  EXPECT_TRUE(builder.add(TlvType::timestamp_information, 4).has_value());
  EXPECT_EQ(check_tlv_hmac(sequence, area, hmac), TlvIntegrity::failed);
}

}  // namespace
}  // namespace netobs::wire
