#include "core/wire/udp_frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/base/bytes.hpp"
#include "unit/wire/hex.hpp"

namespace netobs::wire {
namespace {

using wire_test::bytes;
using Bytes = std::vector<std::byte>;

UdpFlow flow(bool v6) {
  UdpFlow made;
  made.source_mac = {2, 0, 0, 0, 0, 1};
  made.destination_mac = {2, 0, 0, 0, 0, 2};
  made.source = Endpoint::v4({198, 18, 0, 1}, 20000);
  made.destination = Endpoint::v4({198, 18, 0, 2}, 862);
  if (v6) {
    for (Endpoint* end : {&made.source, &made.destination}) {
      const std::uint8_t host = end->address[15];
      end->address = {0xfd, 0x00, 0x6e, 0x6f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
    }
  }
  return made;
}

Bytes build(const UdpFlow& of, const Bytes& payload) {
  const FrameHeader header(of);
  Bytes frame(header.size(), std::byte{0xee});
  frame.insert(frame.end(), payload.begin(), payload.end());
  header.write(frame);
  return frame;
}

FrameReject rejected(const Bytes& frame) {
  const auto parsed = parse_udp_frame(frame);
  EXPECT_FALSE(parsed.has_value());
  return parsed ? FrameReject::truncated : parsed.error();
}

// The frames are spelled out, their checksums computed by another program.
TEST(UdpFrame, FramesByHand) {
  EXPECT_EQ(build(flow(false), bytes("010203")), bytes("020000000002 020000000001 0800"
                                                       "4500001f00004000ff11efa5 c6120001 c6120002"
                                                       "4e20035e000b1e30 010203"));
  EXPECT_EQ(
      build(flow(true), bytes("010203")),
      bytes("020000000002 020000000001 86dd"
            "60000000000b11ff fd006e6f000000000000000000000001 fd006e6f000000000000000000000002"
            "4e20035e000bd374 010203"));
  auto tagged = flow(false);
  tagged.vlan = VlanTag{0x8100, 100};
  tagged.ttl = 64;
  tagged.dscp = 46;
  EXPECT_EQ(build(tagged, bytes("01020304")), bytes("020000000002 020000000001 81000064 0800"
                                                    "45b80020000040004011aded c6120001 c6120002"
                                                    "4e20035e000c1e2a 01020304"));
  tagged = flow(true);
  tagged.vlan = VlanTag{0x88a8, 4094};
  tagged.ttl = 64;
  tagged.dscp = 46;
  EXPECT_EQ(
      build(tagged, {}),
      bytes("020000000002 020000000001 88a80ffe 86dd"
            "6b80000000081140 fd006e6f000000000000000000000001 fd006e6f000000000000000000000002"
            "4e20035e0008d77c"));
}

TEST(UdpFrame, AZeroChecksumIsSentAsAllOnes) {
  const auto v4 = build(flow(false), bytes("2234"));
  EXPECT_EQ(load_be<std::uint16_t>(v4, 40), 0xffff);
  EXPECT_TRUE(parse_udp_frame(v4).has_value());
  const auto v6 = build(flow(true), bytes("d778"));
  EXPECT_EQ(load_be<std::uint16_t>(v6, 60), 0xffff);
  EXPECT_TRUE(parse_udp_frame(v6).has_value());
}

TEST(UdpFrame, WhatIsBuiltParsesToTheSame) {
  for (const bool v6 : {false, true}) {
    for (const bool vlan : {false, true}) {
      for (std::size_t size = 0; size < 100; ++size) {
        auto of = flow(v6);
        of.ttl = 3;
        if (vlan) of.vlan = VlanTag{0x8100, 7};
        Bytes payload(size);
        for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<std::byte>(i * 37 + size);
        auto frame = build(of, payload);
        frame.resize(frame.size() + size % 3);  // padding
        const auto parsed = parse_udp_frame(frame);
        ASSERT_TRUE(parsed.has_value()) << size << " " << name(parsed.error());
        EXPECT_EQ(parsed->source_mac, of.source_mac);
        EXPECT_EQ(parsed->destination_mac, of.destination_mac);
        EXPECT_EQ(parsed->vlan, of.vlan);
        EXPECT_EQ(parsed->source, of.source);
        EXPECT_EQ(parsed->destination, of.destination);
        EXPECT_EQ(parsed->ttl, 3);
        EXPECT_EQ(parsed->checksum, UdpChecksum::verified);
        EXPECT_TRUE(std::ranges::equal(parsed->payload, payload));
      }
    }
  }
}

TEST(UdpFrame, TruncatedAtEveryLength) {
  for (const bool v6 : {false, true}) {
    auto of = flow(v6);
    of.vlan = VlanTag{0x8100, 7};
    const auto whole = build(of, bytes("0102030405"));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(rejected({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}),
                FrameReject::truncated)
          << size;
    }
  }
}

// One changed bit is always noticed where a checksum covers it.
TEST(UdpFrame, EveryFlippedBitBehindTheAddressesOfIp) {
  for (const bool v6 : {false, true}) {
    const auto whole = build(flow(v6), bytes("01020304050607"));
    const std::size_t covered = v6 ? 14 + 8 : 14;  // IPv6 has no checksum of its own header
    for (std::size_t bit = covered * 8; bit < whole.size() * 8; ++bit) {
      auto bad = whole;
      bad[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      EXPECT_FALSE(parse_udp_frame(bad).has_value()) << "bit " << bit;
    }
  }
}

TEST(UdpFrame, Rejects) {
  const auto v4 = build(flow(false), bytes("01020304"));
  const auto v6 = build(flow(true), bytes("01020304"));
  const auto with = [](Bytes frame, std::size_t at, std::vector<std::byte> values) {
    std::ranges::copy(values, frame.begin() + static_cast<std::ptrdiff_t>(at));
    return frame;
  };
  EXPECT_EQ(rejected(with(v4, 12, bytes("0806"))), FrameReject::not_ip);
  EXPECT_EQ(rejected(with(v4, 14, bytes("55"))), FrameReject::bad_ip_header);
  EXPECT_EQ(rejected(with(v4, 14, bytes("44"))), FrameReject::bad_ip_header);
  EXPECT_EQ(rejected(with(v4, 16, bytes("0013"))), FrameReject::bad_ip_header);
  EXPECT_EQ(rejected(with(v4, 16, bytes("0021"))), FrameReject::truncated);
  EXPECT_EQ(rejected(with(v4, 24, bytes("0000"))), FrameReject::bad_ip_checksum);
  // The sum of the header is kept by taking away elsewhere what is added here.
  EXPECT_EQ(rejected(with(v4, 20, bytes("2000ff11 0fa5"))), FrameReject::fragment);
  EXPECT_EQ(rejected(with(v4, 22, bytes("ff06efaf"))), FrameReject::not_udp);
  EXPECT_EQ(rejected(with(v4, 38, bytes("000b"))), FrameReject::bad_udp_length);
  EXPECT_EQ(rejected(with(v4, 38, bytes("000d"))), FrameReject::bad_udp_length);
  EXPECT_EQ(rejected(with(v4, 42, bytes("02"))), FrameReject::bad_udp_checksum);
  EXPECT_EQ(rejected(with(v6, 14, bytes("50"))), FrameReject::bad_ip_header);
  const auto mapped = bytes("00000000 00000000 0000ffff c6120001");
  EXPECT_EQ(rejected(with(v6, 22, mapped)), FrameReject::bad_ip_header);
  EXPECT_EQ(rejected(with(v6, 38, mapped)), FrameReject::bad_ip_header);
  EXPECT_EQ(rejected(with(v6, 20, bytes("00"))), FrameReject::not_udp);  // hop-by-hop options
  EXPECT_EQ(rejected(with(v6, 20, bytes("2c"))), FrameReject::not_udp);  // a fragment
  EXPECT_EQ(rejected(with(v6, 60, bytes("0000"))), FrameReject::bad_udp_checksum);
  auto twice = v4;
  const auto tags = bytes("88a80001 81000002");
  twice.insert(twice.begin() + 12, tags.begin(), tags.end());
  EXPECT_EQ(rejected(twice), FrameReject::too_many_tags);
  EXPECT_EQ(rejected({}), FrameReject::truncated);
}

TEST(UdpFrame, OptionsArePassedOver) {
  auto frame = build(flow(false), bytes("01020304"));
  const auto options = bytes("01010101");
  frame.insert(frame.begin() + 34, options.begin(), options.end());
  frame[14] = std::byte{0x46};
  store_be<std::uint16_t>(frame, 16, 0x24);
  store_be<std::uint16_t>(frame, 24, 0xec9e);  // 0xefa4 less 0x0100 + 0x0004 + 0x0202
  const auto parsed = parse_udp_frame(frame);
  ASSERT_TRUE(parsed.has_value()) << name(parsed.error());
  EXPECT_EQ(parsed->payload.size(), 4U);
}

TEST(UdpFrame, ChecksumsThatWereNotFinished) {
  auto v4 = build(flow(false), bytes("010203"));
  store_be<std::uint16_t>(v4, 40, 0x8c44);
  ASSERT_TRUE(parse_udp_frame(v4).has_value());
  EXPECT_EQ(parse_udp_frame(v4)->checksum, UdpChecksum::offloaded);
  store_be<std::uint16_t>(v4, 40, 0);
  ASSERT_TRUE(parse_udp_frame(v4).has_value());
  EXPECT_EQ(parse_udp_frame(v4)->checksum, UdpChecksum::absent);
  auto v6 = build(flow(true), bytes("010203"));
  store_be<std::uint16_t>(v6, 60, 0xd6ff);
  ASSERT_TRUE(parse_udp_frame(v6).has_value());
  EXPECT_EQ(parse_udp_frame(v6)->checksum, UdpChecksum::offloaded);
}

TEST(UdpFrame, EveryReasonHasAName) {
  for (std::size_t i = 0; i < frame_reject_count; ++i) {
    EXPECT_FALSE(name(static_cast<FrameReject>(i)).empty());
  }
}

}  // namespace
}  // namespace netobs::wire
