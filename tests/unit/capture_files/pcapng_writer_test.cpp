#include "core/capture/pcapng_writer.hpp"

#include <gtest/gtest.h>

#include "capture_bytes.hpp"
#include "read_captures.hpp"

namespace netobs::capture_test {
namespace {

using capture::pcapng::append_interface;
using capture::pcapng::append_packet;
using capture::pcapng::append_section;
using capture::pcapng::append_statistics;
using capture::pcapng::longest_packet;
using capture::pcapng::longest_statistics;
using Out = std::vector<std::byte>;
constexpr auto order = Order::little;

std::string text(const Out& out) {
  std::string made;
  for (const auto byte : out) made += static_cast<char>(byte);
  return made;
}

std::span<const std::byte> bytes(const std::string& of) {
  return std::as_bytes(std::span(of));
}

/// The text of the first option of a section.
std::string written_text(const std::string& hardware) {
  Out out;
  append_section(out, {.hardware = hardware});
  constexpr std::size_t at_length = 26;
  const auto length = std::to_integer<std::size_t>(out[at_length]) +
                      std::to_integer<std::size_t>(out[at_length + 1]) * 256;
  return text(out).substr(at_length + 2, length);
}

TEST(PcapngWriter, EveryOctetOfASection) {
  Out out;
  append_section(out, {.hardware = "x86", .os = "Linux 6.1", .application = "netobs"});
  EXPECT_EQ(text(out), section(order, Octets(order)
                                          .option(2, "x86")
                                          .option(3, "Linux 6.1")
                                          .option(4, "netobs")
                                          .option(0, "")
                                          .str()));
}

TEST(PcapngWriter, EveryOctetOfAnInterface) {
  Out out;
  append_interface(out, {.link = capture::LinkType::linux_cooked_v2,
                         .snap_length = 96,
                         .name = "eth0",
                         .description = "uplink",
                         .filter = "udp port 862"});
  Octets body(order);
  body.u16(276).u16(0).u32(96).option(2, "eth0").option(3, "uplink");
  body.option(9, "\x09").option(11, std::string(1, '\0') + "udp port 862").option(0, "");
  EXPECT_EQ(text(out), block(order, 1, body.str()));
}

TEST(PcapngWriter, EveryOctetOfAPacket) {
  constexpr std::int64_t ns = 1'700'000'000'123'456'789;
  const std::string data = "abcde";
  Out out;
  append_packet(out, {.interface_id = 3, .ns = ns, .original_size = 1500, .bytes = bytes(data)});
  Octets plain(order);
  plain.u32(3).u32(0x17979cfe).u32(0x3d85cd15).u32(5).u32(1500).text(data).pad();
  EXPECT_EQ(text(out), block(order, 6, plain.str()));
  for (const auto& [direction, flag] :
       {std::pair{capture::Direction::incoming, 1U}, {capture::Direction::outgoing, 2U}}) {
    out.clear();
    append_packet(out, {.ns = ns, .bytes = bytes(data), .direction = direction, .comment = "lost"});
    Octets body(order);
    body.u32(0).u32(0x17979cfe).u32(0x3d85cd15).u32(5).u32(5).text(data).pad();
    body.option(1, "lost").option(2, Octets(order).u32(flag).str()).option(0, "");
    EXPECT_EQ(text(out), block(order, 6, body.str()));
  }
}

TEST(PcapngWriter, EveryOctetOfStatistics) {
  Out out;
  append_statistics(out, 1, {.start_ns = 1, .end_ns = 1LL << 32, .received = 7, .dropped = 2});
  Octets body(order);
  body.u32(1).u32(1).u32(0).option(2, Octets(order).u32(0).u32(1).str());
  body.option(3, Octets(order).u32(1).u32(0).str()).option(4, Octets(order).u64(7).str());
  body.option(7, Octets(order).u64(2).str()).option(0, "");
  EXPECT_EQ(text(out), block(order, 5, body.str()));
  EXPECT_EQ(out.size(), longest_statistics);
}

TEST(PcapngWriter, TextsAreCleanAndBounded) {
  EXPECT_EQ(written_text("caf\xc3\xa9"), "caf\xc3\xa9");
  EXPECT_EQ(written_text("a\x1b[31m\xff\n"), "a?[31m??");
  EXPECT_EQ(written_text(std::string(5000, 'x')), std::string(4096, 'x'));
  // 4,095 and half a character of two octets.
  EXPECT_EQ(written_text(std::string(4095, 'x') + "\xc3\xa9"), std::string(4095, 'x'));
  EXPECT_EQ(written_text(std::string(5000, '\x80')), "");
}

TEST(PcapngWriter, WhatIsOutOfRange) {
  Out out;
  append_section(out, {});
  append_interface(out, {});
  const std::string large(300'000, 'x');
  append_packet(out, {.ns = -1, .original_size = 3, .bytes = bytes(large)});
  const auto read = read_octets(text(out));
  ASSERT_EQ(read.packets.size(), 1U) << read.error << read.ended_early;
  EXPECT_EQ(read.packets[0].ns, 0);
  EXPECT_EQ(read.packets[0].bytes.size(), longest_packet);
  EXPECT_EQ(read.packets[0].original_size, longest_packet);
}

}  // namespace
}  // namespace netobs::capture_test
