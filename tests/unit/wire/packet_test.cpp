#include "core/wire/packet.hpp"

#include <gtest/gtest.h>

#include "core/wire/tlv.hpp"
#include "unit/wire/hex.hpp"

namespace netobs::wire {
namespace {

using wire_test::bytes;
using wire_test::zeros;
using wire_test::operator+;
using Bytes = std::vector<std::byte>;

const Bytes key = bytes("000102030405060708090a0b0c0d0e0f");
const Bytes tlv_block =
    bytes("80070010") + zeros(16) + bytes("80080010 a4df141cda58aebf4afc0346bda4a2e7");

Hmac make_hmac() {
  return std::move(Hmac::make(key).value());
}

const SenderPacket vector_packet{.sequence = 1,
                                 .t1 = 0xe8fe6f801f9add37,
                                 .error_estimate = *ErrorEstimate::decode(0x8601),
                                 .ssid = 0x2a};

void build_tlvs(std::span<std::byte> packet, Mode mode, Hmac& hmac) {
  TlvBuilder builder(tlv_area(mode, packet));
  ASSERT_TRUE(builder.add(TlvType::follow_up_telemetry, 16).has_value());
  ASSERT_TRUE(builder.add_hmac(packet.first(4), hmac));
}

TEST(Packet, UnauthenticatedVector) {
  Hmac hmac = make_hmac();
  Bytes packet(84, std::byte{0xee});
  encode_sender(Mode::unauthenticated, vector_packet, packet);
  build_tlvs(packet, Mode::unauthenticated, hmac);
  EXPECT_EQ(packet, bytes("00000001 e8fe6f801f9add37 8601 002a") + zeros(28) + tlv_block);
  EXPECT_EQ(decode_sender(Mode::unauthenticated, packet, nullptr), vector_packet);
  EXPECT_EQ(check_tlv_hmac(std::span(packet).first(4), std::span(packet).subspan(44), hmac),
            TlvIntegrity::verified);
}

TEST(Packet, AuthenticatedVector) {
  Hmac hmac = make_hmac();
  Bytes packet(152, std::byte{0xee});
  encode_sender(Mode::authenticated, vector_packet, packet);
  seal(packet, hmac);
  build_tlvs(packet, Mode::authenticated, hmac);
  EXPECT_EQ(packet, bytes("00000001") + zeros(12) + bytes("e8fe6f801f9add37 8601 002a") +
                        zeros(68) + bytes("17c5cce972ffca7f714e166d7f8fc0be") + tlv_block);
  EXPECT_EQ(decode_sender(Mode::authenticated, packet, &hmac), vector_packet);
}

const ReflectorPacket reply{.sequence = 0x01020304,
                            .t3 = 0x1112131415161718,
                            .error_estimate = *ErrorEstimate::decode(0x0587),
                            .ssid = 0x2122,
                            .t2 = 0x3132333435363738,
                            .sender_sequence = 0x41424344,
                            .sender_t1 = 0x5152535455565758,
                            .sender_error_estimate = 0x6162,
                            .sender_ttl = 0x71};

TEST(Packet, ReflectorUnauthenticatedLayout) {
  Bytes packet(44, std::byte{0xee});
  encode_reflector(Mode::unauthenticated, reply, packet);
  EXPECT_EQ(packet, bytes("01020304 1112131415161718 0587 2122 3132333435363738 41424344"
                          "5152535455565758 6162 0000 71 000000"));
  EXPECT_EQ(decode_reflector(Mode::unauthenticated, packet, nullptr), reply);
}

TEST(Packet, ReflectorAuthenticatedLayout) {
  Hmac hmac = make_hmac();
  Bytes packet(112, std::byte{0xee});
  encode_reflector(Mode::authenticated, reply, packet);
  seal(packet, hmac);
  const Bytes base = bytes("01020304") + zeros(12) + bytes("1112131415161718 0587 2122") +
                     zeros(4) + bytes("3132333435363738") + zeros(8) + bytes("41424344") +
                     zeros(12) + bytes("5152535455565758 6162") + zeros(6) + bytes("71") +
                     zeros(15);
  EXPECT_EQ(Bytes(packet.begin(), packet.begin() + 96), base);
  EXPECT_EQ(decode_reflector(Mode::authenticated, packet, &hmac), reply);
}

TEST(Packet, PatchesStayInTheirFields) {
  Bytes packet(112, std::byte{0});
  patch_sequence(packet, 0xa1a2a3a4);
  patch_timestamp(Mode::authenticated, packet, 0xb1b2b3b4b5b6b7b8);
  EXPECT_EQ(packet, bytes("a1a2a3a4") + zeros(12) + bytes("b1b2b3b4b5b6b7b8") + zeros(88));
  Bytes plain(44, std::byte{0});
  patch_timestamp(Mode::unauthenticated, plain, 0xb1b2b3b4b5b6b7b8);
  EXPECT_EQ(plain, zeros(4) + bytes("b1b2b3b4b5b6b7b8") + zeros(32));
}

TEST(Packet, SenderRejects) {
  Hmac hmac = make_hmac();
  Bytes packet(112);
  encode_sender(Mode::unauthenticated, vector_packet, packet);
  EXPECT_EQ(decode_sender(Mode::unauthenticated, std::span(packet).first(13), nullptr).error(),
            Reject::too_short);
  packet[13] = std::byte{0};
  EXPECT_EQ(decode_sender(Mode::unauthenticated, packet, nullptr).error(),
            Reject::bad_error_estimate);

  encode_sender(Mode::authenticated, vector_packet, packet);
  EXPECT_EQ(decode_sender(Mode::authenticated, packet, &hmac).error(), Reject::hmac_mismatch);
  EXPECT_EQ(decode_sender(Mode::authenticated, std::span(packet).first(111), &hmac).error(),
            Reject::too_short);
  seal(packet, hmac);
  ASSERT_TRUE(decode_sender(Mode::authenticated, packet, &hmac).has_value());
  for (const std::size_t octet :
       {0UL, 15UL, 24UL, 60UL, 95UL, 96UL, 111UL}) {  // zeros are covered too
    Bytes changed = packet;
    changed[octet] ^= std::byte{1};
    EXPECT_EQ(decode_sender(Mode::authenticated, changed, &hmac).error(), Reject::hmac_mismatch);
  }
}

TEST(Packet, TwampLightSenderHasNoSsid) {
  const Bytes packet = bytes("00000007 e8fe6f801f9add37 0587") + bytes("abcdef0123");
  const auto decoded = decode_sender(Mode::unauthenticated, packet, nullptr);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->sequence, 7U);
  EXPECT_EQ(decoded->ssid, 0);
}

TEST(Packet, DegradedRepliesOf28_38_41_44Octets) {
  Bytes packet(44);
  encode_reflector(Mode::unauthenticated, reply, packet);
  const auto decode = [&](std::size_t size) {
    return decode_reflector(Mode::unauthenticated, std::span(packet).first(size), nullptr);
  };
  EXPECT_EQ(decode(27).error(), Reject::too_short);
  const auto shortest = decode(28);
  ASSERT_TRUE(shortest.has_value());
  EXPECT_TRUE(shortest->degraded);
  EXPECT_EQ(shortest->sender_sequence, 0x41424344U);
  EXPECT_EQ(shortest->ssid, 0);
  EXPECT_FALSE(shortest->sender_t1.has_value());
  EXPECT_EQ(decode(38)->sender_error_estimate, 0x6162);
  EXPECT_FALSE(decode(38)->sender_ttl.has_value());
  EXPECT_EQ(decode(41)->sender_ttl, 0x71);
  EXPECT_TRUE(decode(43)->degraded);
  EXPECT_FALSE(decode(44)->degraded);
  packet[13] = std::byte{0};
  EXPECT_EQ(decode(44).error(), Reject::bad_error_estimate);
}

TEST(Packet, AuthenticatedReplyNeedsTheWholeBase) {
  Hmac hmac = make_hmac();
  Bytes packet(112);
  encode_reflector(Mode::authenticated, reply, packet);
  EXPECT_EQ(decode_reflector(Mode::authenticated, packet, &hmac).error(), Reject::hmac_mismatch);
  EXPECT_EQ(decode_reflector(Mode::authenticated, std::span(packet).first(111), &hmac).error(),
            Reject::too_short);
}

TEST(Packet, RejectsHaveNames) {
  EXPECT_EQ(name(Reject::too_short), "too_short");
  EXPECT_EQ(name(Reject::bad_error_estimate), "bad_error_estimate");
  EXPECT_EQ(name(Reject::hmac_mismatch), "hmac_mismatch");
}

TEST(Hmac, Rfc4231CasesTruncatedTo16Octets) {
  Hmac jefe = std::move(Hmac::make(bytes("4a656665")).value());
  const Bytes question = bytes("7768617420646f2079612077616e7420666f72206e6f7468696e673f");
  const auto digest = jefe.digest(question);
  EXPECT_EQ(Bytes(digest.begin(), digest.end()), bytes("5bdcc146bf60754e6a042426089575c7"));
  // The same context again, input in two parts: nothing of the first use is left.
  EXPECT_EQ(jefe.digest(std::span(question).first(5), std::span(question).subspan(5)), digest);
  Hmac long_key = std::move(Hmac::make(Bytes(131, std::byte{0xaa})).value());
  const Bytes text = bytes(
      "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b"
      "6579"
      "204669727374");
  const auto second = long_key.digest(text);
  EXPECT_EQ(Bytes(second.begin(), second.end()), bytes("60e431591ee0b67f0d8a26aacbf5b77f"));
}

TEST(Hmac, VerifyAndMove) {
  Hmac first = make_hmac();
  const Bytes text = bytes("0102");
  HmacDigest digest = first.digest(text);
  Hmac moved = std::move(first);
  EXPECT_TRUE(moved.verify(digest, text));
  EXPECT_FALSE(moved.verify(std::span(digest).first(15), text));
  digest[15] ^= std::byte{0x80};
  EXPECT_FALSE(moved.verify(digest, text));
}

TEST(Hmac, EmptyKeyIsRefused) {
  const auto refused = Hmac::make({});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().exit, ExitCode::usage);
}

}  // namespace
}  // namespace netobs::wire
