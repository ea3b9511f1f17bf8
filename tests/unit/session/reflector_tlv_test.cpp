#include "core/session/reflector_tlv.hpp"

#include "core/base/bytes.hpp"
#include "unit/session/reflector_fixture.hpp"
#include "unit/wire/hex.hpp"

namespace netobs {
namespace {

using namespace reflector_test;
using wire_test::bytes;
using wire_test::zeros;
using wire_test::operator+;

class ReflectorTlv : public Fixture {
 protected:
  /// The TLV area of the reply to a request with this one.
  Bytes answered(const Bytes& area, std::uint32_t sequence = 0) {
    const std::size_t base = wire::layout(mode_).base_size;
    const auto one = sent(request(sequence, base) + area);
    EXPECT_EQ(one.octets.size(), base + area.size());
    return Bytes(one.octets.begin() + static_cast<std::ptrdiff_t>(base), one.octets.end());
  }
};

TEST_F(ReflectorTlv, PaddingIsUnderstoodAndCopied) {
  start();
  EXPECT_EQ(answered(bytes("80010003 a1a2a3")), bytes("00010003 a1a2a3"));
}

TEST_F(ReflectorTlv, UnknownTypesComeBackMarked) {
  start();
  EXPECT_EQ(answered(bytes("80f00002 0102 00c80001 05 80010000")),
            bytes("80f00002 0102 80c80001 05 00010000"));
  EXPECT_EQ(reflector_->counters().tlvs_unrecognised, 2U);
}

TEST_F(ReflectorTlv, ClassOfServiceAndHmacWithoutAKeyAreNotUnderstood) {
  start();
  const Bytes area = bytes("80040004 b8000000 80080010") + zeros(16);
  EXPECT_EQ(answered(area), area);
}

TEST_F(ReflectorTlv, BadLengthStopsTheWalkAndTheRestStays) {
  start();
  EXPECT_EQ(answered(bytes("80030003 000000 80f00001 01")), bytes("40030003 000000 80f00001 01"));
  EXPECT_EQ(answered(bytes("8005000b") + zeros(11)), bytes("4005000b") + zeros(11));
  EXPECT_EQ(answered(bytes("80070011") + zeros(17)), bytes("40070011") + zeros(17));
  EXPECT_EQ(reflector_->counters().tlvs_malformed, 3U);
}

TEST_F(ReflectorTlv, ALengthBeyondTheEndIsMalformed) {
  start();
  EXPECT_EQ(answered(bytes("80010000 80f0ffff 01")), bytes("00010000 c0f0ffff 01"));
  EXPECT_EQ(answered(bytes("80010000 80f0")), bytes("00010000 80f0"));  // no header to mark
  EXPECT_EQ(reflector_->counters().tlvs_malformed, 2U);
}

TEST_F(ReflectorTlv, TimestampInformation) {
  start({.sync_source = SyncSource::ptp});
  EXPECT_EQ(answered(bytes("80030004 00000000")), bytes("00030004 02020202"));
}

TEST_F(ReflectorTlv, DirectMeasurementCountsBothWays) {
  start();
  (void)answered({});
  EXPECT_EQ(answered(bytes("8005000c 00000009 00000000 00000000")),
            bytes("0005000c 00000009 00000002 00000002"));
}

TEST_F(ReflectorTlv, FollowUpDescribesThePreviousReplyByItsBestTimestamp) {
  start();
  const Bytes ask = bytes("80070010") + zeros(16);
  EXPECT_EQ(answered(ask), bytes("00070010") + zeros(16));  // there is no previous one
  const auto second = answered(ask);
  EXPECT_EQ(load_be<std::uint32_t>(second, 4), 0U);
  EXPECT_EQ(load_be<std::uint64_t>(second, 8), wire::ntp_from_unix_ns(epoch + 1'000));
  EXPECT_EQ(second[16], std::byte{2});
  const auto third = sent(request(2) + ask);
  reflector_->on_tx_timestamp(third.reply.timestamp_id, Point::tx_software, epoch + 3'000);
  reflector_->on_tx_timestamp(third.reply.timestamp_id, Point::tx_hardware, 55);
  const auto fourth = answered(ask);
  EXPECT_EQ(load_be<std::uint32_t>(fourth, 4), 2U);
  EXPECT_EQ(load_be<std::uint64_t>(fourth, 8), wire::ntp_from_unix_ns(epoch + 3'000));
}

TEST_F(ReflectorTlv, FollowUpUsesTheNicsTimeOnlyOnTheSameScale) {
  start({.nic_converted = true});
  // The NIC's clock is 37 s ahead.
  reflector_->on_nic_clock({epoch + 37 * second, epoch, 50});
  const Bytes ask = bytes("80070010") + zeros(16);
  const auto first = sent(request(0) + ask);
  reflector_->on_tx_timestamp(first.reply.timestamp_id, Point::tx_hardware,
                              epoch + 37 * second + 4'000);
  const auto second = answered(ask);
  EXPECT_EQ(load_be<std::uint64_t>(second, 8), wire::ntp_from_unix_ns(epoch + 4'000));
  EXPECT_EQ(second[16], std::byte{1});
}

TEST_F(ReflectorTlv, StatelessFollowUpIsZero) {
  start({.stateful = false});
  const Bytes ask = bytes("80070010") + zeros(16);
  (void)answered(ask);
  EXPECT_EQ(answered(ask), bytes("00070010") + zeros(16));
}

TEST_F(ReflectorTlv, SomeoneElsesExperimentOfOurTypeIsNotOurs) {
  start();
  EXPECT_EQ(answered(bytes("80fa0004 01020304")), bytes("80fa0004 01020304"));
  EXPECT_EQ(answered(bytes("80fa001c") + zeros(27) + bytes("01")),
            bytes("80fa001c") + zeros(27) + bytes("01"));
}

TEST_F(ReflectorTlv, MultiLayerOffAndAnotherTypeNumber) {
  start({.multi_layer = false});
  const Bytes ask = netobs_request(0, PointSet(0x801), 1);
  EXPECT_EQ(sent(ask).octets[44], std::byte{0x80});
  start({.netobs_tlv = static_cast<wire::TlvType>(251)});
  EXPECT_EQ(sent(ask).octets[44], std::byte{0x80});
  Bytes other = ask;
  other[45] = std::byte{251};
  EXPECT_EQ(sent(other).octets[44], std::byte{0x00});
}

Bytes key() {
  return bytes("000102030405060708090a0b0c0d0e0f");
}

TEST_F(ReflectorTlv, HmacTlvIsVerifiedAndRenewed) {
  start({.auth_key = key()});
  Bytes packet = request(5, 112 + 8 + 20);
  wire::TlvBuilder builder(std::span<std::byte>(packet).subspan(112));
  ASSERT_TRUE(builder.add(wire::TlvType::timestamp_information, 4).has_value());
  ASSERT_TRUE(builder.add_hmac(std::span(packet).first(4), *hmac_));
  const auto one = sent(packet);
  const auto area = std::span<const std::byte>(one.octets).subspan(112);
  EXPECT_EQ(Bytes(area.begin(), area.begin() + 8), bytes("00030004 05020502"));
  EXPECT_EQ(area[8], std::byte{0});
  EXPECT_EQ(wire::check_tlv_hmac(std::span(one.octets).first(4), area, *hmac_),
            wire::TlvIntegrity::verified);
}

TEST_F(ReflectorTlv, AWrongHmacTlvMarksAllAndAnswersNone) {
  start({.auth_key = key()});
  const Bytes area = bytes("80030004 00000000 80080010") + Bytes(16, std::byte{7});
  EXPECT_EQ(answered(area), bytes("a0030004 00000000 a0080010") + Bytes(16, std::byte{7}));
  EXPECT_EQ(reflector_->counters().tlvs_integrity_failed, 1U);
}

TEST_F(ReflectorTlv, AuthenticatedTlvsNeedAnHmacTlvButPaddingDoesNot) {
  start({.auth_key = key()});
  EXPECT_EQ(answered(bytes("80030004 00000000"), 0), bytes("a0030004 00000000"));
  EXPECT_EQ(answered(bytes("80010004 00000001"), 1), bytes("00010004 00000001"));
  EXPECT_EQ(answered(zeros(9), 2), zeros(9));
  EXPECT_EQ(reflector_->counters().tlvs_integrity_failed, 1U);
}

}  // namespace
}  // namespace netobs
