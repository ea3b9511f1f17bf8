#include "core/capture/link_frame.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "unit/wire/hex.hpp"

namespace netobs::capture {
namespace {

using Bytes = std::vector<std::byte>;
using wire_test::bytes;

const std::string ethernet = "020000000002 020000000001 ";
const std::string v4_type = "0800 ";
const std::string v6_type = "86dd ";
// 198.18.0.1:20000 to 198.18.0.2:862, three octets.
const std::string v4 = "4500001f 00004000 4011 0000 c6120001 c6120002 ";
const std::string udp = "4e20 035e 000b 0000 010203 ";
const std::string v6_ends = "fd006e6f000000000000000000000001 fd006e6f000000000000000000000002 ";
const Endpoint v4_source = Endpoint::v4({198, 18, 0, 1}, 20000);
const Endpoint v4_destination = Endpoint::v4({198, 18, 0, 2}, 862);

Endpoint v6_end(std::uint8_t host, std::uint16_t port) {
  Endpoint end;
  end.address = {0xfd, 0x00, 0x6e, 0x6f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
  end.port = port;
  return end;
}

/// length: of what follows the IPv6 header, four hexadecimal digits.
std::string v6(const std::string& length, const std::string& next_header) {
  return "60000000" + length + next_header + "3f" + v6_ends;
}

/// A frame whose octets live as long as the result is looked at.
struct Read {
  Bytes frame;
  std::expected<Datagram, Skip> result;
};
Read read(const std::string& hex, LinkType link = LinkType::ethernet) {
  Read made{bytes(hex), {}};
  made.result = read_link_frame(link, made.frame);
  return made;
}
Datagram datagram(const Read& read) {
  EXPECT_TRUE(read.result.has_value())
      << (read.result ? "" : std::string(name(read.result.error())));
  return read.result.value_or(Datagram{});
}
std::string skipped(const std::string& hex, LinkType link = LinkType::ethernet) {
  const auto of = read(hex, link);
  return of.result ? "none" : std::string(name(of.result.error()));
}
Bytes copy(std::span<const std::byte> of) {
  return {of.begin(), of.end()};
}

TEST(LinkFrame, EveryFieldOfADatagram) {
  const auto frame = read(ethernet + v4_type + v4 + udp);
  const auto v4_datagram = datagram(frame);
  EXPECT_EQ(v4_datagram.source, v4_source);
  EXPECT_EQ(v4_datagram.destination, v4_destination);
  EXPECT_EQ(v4_datagram.transport, Transport::udp);
  EXPECT_EQ(v4_datagram.direction, Direction::unknown);
  EXPECT_EQ(v4_datagram.ttl, 64);
  EXPECT_FALSE(v4_datagram.first_fragment);
  EXPECT_EQ(v4_datagram.payload_size, 3U);
  EXPECT_FALSE(v4_datagram.cut_off());
  EXPECT_EQ(copy(v4_datagram.payload), bytes("010203"));

  const auto v6_frame = read(ethernet + v6_type + v6("000b", "11") + udp);
  const auto v6_datagram = datagram(v6_frame);
  EXPECT_EQ(v6_datagram.source, v6_end(1, 20000));
  EXPECT_EQ(v6_datagram.destination, v6_end(2, 862));
  EXPECT_EQ(v6_datagram.ttl, 63);
  EXPECT_EQ(copy(v6_datagram.payload), bytes("010203"));
}

TEST(LinkFrame, EveryLinkTypeAndItsDirection) {
  struct Case {
    LinkType link;
    std::string header;
    Direction direction = Direction::unknown;
  };
  const std::string v1_rest = "0001 0006 0200000000010000 0800 ";
  const std::string v2 = "0800 0000 00000002 0001 ";
  const std::string v2_rest = "06 0200000000010000 ";
  const std::vector<Case> cases{
      {LinkType::ethernet, ethernet + v4_type},
      {LinkType::linux_cooked_v1, "0000" + v1_rest, Direction::incoming},
      {LinkType::linux_cooked_v1, "0003" + v1_rest, Direction::incoming},
      {LinkType::linux_cooked_v1, "0004" + v1_rest, Direction::outgoing},
      {LinkType::linux_cooked_v1, "0005" + v1_rest, Direction::unknown},
      {LinkType::linux_cooked_v2, v2 + "00" + v2_rest, Direction::incoming},
      {LinkType::linux_cooked_v2, v2 + "04" + v2_rest, Direction::outgoing},
      {LinkType::raw_ip, ""},
      {LinkType::bsd_loopback, "02000000"},
      {LinkType::bsd_loopback, "00000002"},
  };
  for (const auto& [link, header, direction] : cases) {
    const auto frame = read(header + v4 + udp, link);
    const auto of = datagram(frame);
    EXPECT_EQ(of.source, v4_source) << name(link) << ' ' << header;
    EXPECT_EQ(of.direction, direction) << name(link) << ' ' << header;
    EXPECT_EQ(copy(of.payload), bytes("010203")) << name(link);
  }
  for (const auto* family : {"0000000a", "18000000", "0000001c", "1e000000"}) {
    const auto frame = read(family + v6("000b", "11") + udp, LinkType::bsd_loopback);
    EXPECT_EQ(datagram(frame).source, v6_end(1, 20000)) << family;
  }
  EXPECT_EQ(skipped("07000000" + v4 + udp, LinkType::bsd_loopback), "not_ip");
  EXPECT_EQ(datagram(read(v6("000b", "11") + udp, LinkType::raw_ip)).ttl, 63);
  EXPECT_EQ(skipped("50" + v4 + udp, LinkType::raw_ip), "not_ip");
}

TEST(LinkFrame, UpToFourTagsOfAnyKind) {
  for (const auto* tags : {"81000005", "88a80005 81000006", "91000005 81000006",
                           "88a80005 88a80005 81000005 81000006"}) {
    EXPECT_EQ(datagram(read(ethernet + tags + v4_type + v4 + udp)).source, v4_source) << tags;
  }
  EXPECT_EQ(skipped(ethernet + "88a80005 88a80005 88a80005 81000005 81000006" + v4_type + v4 + udp),
            "too_many_headers");
  const std::string cooked_v1 = "0000 0001 0006 0200000000010000 8100 0005 0800 ";
  EXPECT_EQ(datagram(read(cooked_v1 + v4 + udp, LinkType::linux_cooked_v1)).source, v4_source);
  const std::string cooked_v2 = "8100 0000 00000002 0001 00 06 0200000000010000 0005 0800 ";
  EXPECT_EQ(datagram(read(cooked_v2 + v4 + udp, LinkType::linux_cooked_v2)).source, v4_source);
}

TEST(LinkFrame, OptionsAndPadding) {
  const std::string options = "46000023 00004000 4011 0000 c6120001 c6120002 01010101";
  const auto frame = read(ethernet + v4_type + options + udp + "0000000000");
  EXPECT_EQ(copy(datagram(frame).payload), bytes("010203"));
  const auto padded_v6 = read(ethernet + v6_type + v6("000b", "11") + udp + "0000");
  EXPECT_EQ(copy(datagram(padded_v6).payload), bytes("010203"));
  // A UDP length below that of the packet: the rest is nobody's.
  const std::string shorter = "4e20 035e 0009 0000 010203 ";
  EXPECT_EQ(copy(datagram(read(ethernet + v4_type + v4 + shorter)).payload), bytes("01"));
}

TEST(LinkFrame, FragmentsGiveTheirFirst) {
  const std::string first = "4500001f 00002000 4011 0000 c6120001 c6120002 ";
  const std::string whole_length = "4e20 035e 0400 0000 010203 ";
  const auto of = datagram(read(ethernet + v4_type + first + whole_length));
  EXPECT_TRUE(of.first_fragment);
  EXPECT_EQ(of.payload_size, 3U);
  EXPECT_FALSE(of.cut_off());
  const std::string later = "4500001f 00000001 4011 0000 c6120001 c6120002 ";
  EXPECT_EQ(skipped(ethernet + v4_type + later + udp), "later_fragment");
  const std::string later_tcp = "4500001f 00000001 4006 0000 c6120001 c6120002 ";
  EXPECT_EQ(skipped(ethernet + v4_type + later_tcp + udp), "other_protocol");

  const std::string v6_fragment = v6("0013", "2c");
  EXPECT_TRUE(datagram(read(ethernet + v6_type + v6_fragment + "11000001 00000007" + whole_length))
                  .first_fragment);
  // Atomic (RFC 6946): a fragment header, nothing elsewhere.
  EXPECT_FALSE(
      datagram(read(ethernet + v6_type + v6_fragment + "11000000 00000007" + udp)).first_fragment);
  EXPECT_EQ(skipped(ethernet + v6_type + v6_fragment + "11000008 00000007" + udp),
            "later_fragment");
}

TEST(LinkFrame, ExtensionHeadersOfIPv6) {
  const std::string eight = "000104000000 00";  // the rest of eight octets, a PadN
  const std::string options = "3c" + eight;
  const std::string all = v6("003b", "00") + "2b" + eight + options + "33" + eight +
                          "1104 0000 00000001 00000002 0000000300000004 00000005";
  const auto frame = read(ethernet + v6_type + all + udp);
  EXPECT_EQ(skipped(ethernet + v6_type + v6("0033", "00") + "32" + eight + udp), "other_protocol");
  EXPECT_EQ(copy(datagram(frame).payload), bytes("010203"));
  std::string many = v6("0053", "00");
  for (int i = 0; i < 8; ++i) many += "00" + eight;
  EXPECT_EQ(skipped(ethernet + v6_type + many + "11" + eight + udp), "too_many_headers");
  EXPECT_EQ(skipped(ethernet + v6_type + v6("0013", "00") + "11ff000000000000" + udp),
            "bad_ip_header");
  EXPECT_EQ(skipped(ethernet + v6_type + v6("0004", "00") + "11000000"), "bad_ip_header");
  EXPECT_EQ(skipped(ethernet + v6_type + v6("0113", "00") + "1104000000000000" + udp),
            "truncated_headers");
}

TEST(LinkFrame, Echoes) {
  const std::string v4_icmp = "4500001f 00004000 4001 0000 c6120001 c6120002 ";
  const auto frame = read(ethernet + v4_type + v4_icmp + "0800 0000 1234 0007 0a0b0c");
  const auto request = datagram(frame);
  EXPECT_EQ(request.transport, Transport::icmp_echo_request);
  EXPECT_EQ(request.source, Endpoint::v4({198, 18, 0, 1}, 0));
  EXPECT_EQ(request.icmp_id, 0x1234);
  EXPECT_EQ(request.icmp_sequence, 7);
  EXPECT_EQ(copy(request.payload), bytes("0a0b0c"));
  const auto transport = [](const std::string& hex) { return datagram(read(hex)).transport; };
  EXPECT_EQ(transport(ethernet + v4_type + v4_icmp + "0000 0000 1234 0007 0a0b0c"),
            Transport::icmp_echo_reply);
  const std::string v6_icmp = ethernet + v6_type + v6("000b", "3a");
  EXPECT_EQ(transport(v6_icmp + "8000 0000 1234 0007 0a0b0c"), Transport::icmp_echo_request);
  EXPECT_EQ(transport(v6_icmp + "8100 0000 1234 0007 0a0b0c"), Transport::icmp_echo_reply);
  EXPECT_EQ(skipped(v6_icmp + "0800 0000 1234 0007 0a0b0c"), "other_icmp");
  EXPECT_EQ(skipped(ethernet + v4_type + v4_icmp + "0301 0000 1234 0007 0a0b0c"), "other_icmp");
  EXPECT_EQ(skipped(ethernet + v4_type + v4_icmp + "0801 0000 1234 0007 0a0b0c"), "other_icmp");
  // ICMP of the other IP version.
  EXPECT_EQ(skipped(ethernet + v6_type + v6("000b", "01") + "0800000012340007010203"),
            "other_protocol");
}

TEST(LinkFrame, WhatASegmentingHostCaptured) {
  const std::string no_length = "45000000 00004000 4011 0000 c6120001 c6120002 ";
  EXPECT_EQ(copy(datagram(read(ethernet + v4_type + no_length + udp)).payload), bytes("010203"));
  const std::string longer = "4e20 035e 000d 0000 010203 ";
  const auto of = datagram(read(ethernet + v4_type + no_length + longer));
  EXPECT_EQ(of.payload_size, 5U);
  EXPECT_TRUE(of.cut_off());
  EXPECT_EQ(copy(datagram(read(ethernet + v6_type + v6("0000", "11") + udp)).payload),
            bytes("010203"));
  EXPECT_EQ(skipped(ethernet + v6_type + v6("0000", "11")), "truncated_headers");
  EXPECT_EQ(skipped(ethernet + v6_type + v6("0000", "00") + "1102"), "truncated_headers");
}

TEST(LinkFrame, WhatIsNoDatagram) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"not_ip", "0806 0001080006040001"},
      {"not_ip", "002e 4242030000000000 0000"},  // 802.3 with LLC
      {"bad_ip_header", "0800 6500001f00004000 4011 0000 c6120001 c6120002" + udp},
      {"bad_ip_header", "0800 4400001f00004000 4011 0000 c6120001 c6120002" + udp},
      {"bad_ip_header", "0800 4500001300004000 4011 0000 c6120001 c6120002" + udp},
      {"other_protocol", "0800 4500001f00004000 4006 0000 c6120001 c6120002" + udp},
      {"bad_udp_length", "0800 4500001a00004000 4011 0000 c6120001 c6120002" + udp},
      {"bad_udp_length", v4_type + v4 + "4e20 035e 0007 0000 010203"},
      {"bad_udp_length", v4_type + v4 + "4e20 035e 000c 0000 010203"},
      {"bad_ip_header", v6_type + "40000000000b113f" + v6_ends + udp},
      {"bad_ip_header", v6_type +
                            "60000000000b113f 00000000000000000000ffffc6120001"
                            "fd006e6f000000000000000000000002" +
                            udp},
  };
  for (const auto& [why, hex] : cases) EXPECT_EQ(skipped(ethernet + hex), why) << hex;
}

TEST(LinkFrame, EveryCutIsReadAsFarAsItGoes) {
  const std::string options = "46000023 00004000 4011 0000 c6120001 c6120002 01010101";
  const std::string v6_options = v6("0013", "3c") + "1100 010400000000";
  for (const auto& [headers, hex] :
       {std::pair<std::size_t, std::string>{14 + 4 + 24 + 8, "81000005" + v4_type + options},
        {14 + 40 + 8 + 8, v6_type + v6_options}}) {
    const auto whole = bytes(ethernet + hex + udp);
    ASSERT_EQ(whole.size(), headers + 3);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      // A copy of its own, so that a read past the end is one past an allocation.
      const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const auto of = read_link_frame(LinkType::ethernet, cut);
      ASSERT_EQ(of.has_value(), size >= headers) << size;
      if (!of) {
        EXPECT_EQ(of.error(), Skip::truncated_headers) << size;
        continue;
      }
      EXPECT_EQ(of->payload.size(), size - headers);
      EXPECT_EQ(of->payload_size, 3U);
      EXPECT_EQ(of->cut_off(), size < whole.size());
    }
  }
}

TEST(LinkFrame, NamesAreDifferent) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < skip_count; ++i) names.insert(name(static_cast<Skip>(i)));
  EXPECT_EQ(names.size(), skip_count);
  names.clear();
  for (std::size_t i = 0; i < link_type_count; ++i) names.insert(name(static_cast<LinkType>(i)));
  EXPECT_EQ(names.size(), link_type_count);
}

}  // namespace
}  // namespace netobs::capture
