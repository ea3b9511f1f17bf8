#include "linux/capture/capture_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "capture_bytes.hpp"
#include "read_captures.hpp"

namespace netobs::capture_test {
namespace {

using testing::HasSubstr;

constexpr std::int64_t second = 1'000'000'000;
const std::string first = std::string(60, 'a');
const std::string last = std::string(42, 'b');
constexpr Order orders[] = {Order::little, Order::big};

TEST(CaptureReader, PcapInBothByteOrdersAndUnits) {
  for (const auto order : orders) {
    const auto micro = read_octets(pcap_header(order, pcap_micro) +
                                   pcap_packet(order, 1'700'000'000, 123'456, first, 1500) +
                                   pcap_packet(order, 1'700'000'001, 0, last));
    EXPECT_EQ(micro.error + micro.ended_early, "");
    EXPECT_EQ(micro.packets, (std::vector<ReadPacket>{{1'700'000'000'123'456'000, 1500, first},
                                                      {1'700'000'001'000'000'000, 42, last}}));
    EXPECT_EQ(micro.resolution_ns, 1'000);
    EXPECT_EQ(micro.link, "Ethernet");
    EXPECT_EQ(micro.snap_length, 262144U);
    EXPECT_EQ(micro.file_size, 24U + 16 + 60 + 16 + 42);
    EXPECT_EQ(micro.bytes_read, micro.file_size);

    const auto nano = read_octets(pcap_header(order, pcap_nano, 1, 96) +
                                  pcap_packet(order, 1'700'000'000, 123'456'789, first));
    EXPECT_EQ(nano.packets, (std::vector<ReadPacket>{{1'700'000'000'123'456'789, 60, first}}));
    EXPECT_EQ(nano.resolution_ns, 1);
    EXPECT_EQ(nano.snap_length, 96U);
  }
}

TEST(CaptureReader, TheFinestTimeTellsTheResolution) {
  const auto head = pcap_header(orders[0], pcap_micro);
  const auto at = [&](std::uint32_t microseconds) {
    return pcap_packet(orders[0], 1'700'000'000, microseconds, first);
  };
  EXPECT_EQ(read_octets(head + at(0)).resolution_ns, 1'000'000'000);
  EXPECT_EQ(read_octets(head + at(0) + at(120'000)).resolution_ns, 10'000'000);
  EXPECT_EQ(read_octets(head + at(120'000) + at(7) + at(0)).resolution_ns, 1'000);
}

TEST(CaptureReader, PcapTimesGoOnAfter2038) {
  const auto read = read_octets(pcap_header(orders[0], pcap_micro) +
                                pcap_packet(orders[0], 0x8765'4321, 5, first));
  ASSERT_EQ(read.packets.size(), 1U);
  EXPECT_EQ(read.packets[0].ns, 0x8765'4321 * std::int64_t{1'000'000'000} + 5'000);
}

TEST(CaptureReader, PcapngResolutions) {
  struct Case {
    std::optional<std::uint8_t> resolution;
    std::uint64_t time;
    std::int64_t ns;
  };
  constexpr std::uint8_t power_of_two = 0x80;
  const std::vector<Case> cases{
      {std::nullopt, 1'700'000'000'123'456, 1'700'000'000'123'456'000},
      {std::uint8_t{3}, 1'700'000'000'123, 1'700'000'000'123'000'000},
      {std::uint8_t{6}, 1'700'000'000'123'456, 1'700'000'000'123'456'000},
      {std::uint8_t{9}, 1'700'000'000'123'456'789, 1'700'000'000'123'456'789},
      {std::uint8_t{10}, 1'700'000'000'123'456'789ULL * 10 + 7, 1'700'000'000'123'456'789},
      {std::uint8_t{power_of_two | 1}, 3'400'000'001, 1'700'000'000'500'000'000},
      {std::uint8_t{power_of_two | 20}, (1'700'000'000ULL << 20U) + (1U << 18U),
       1'700'000'000'250'000'000},
  };
  for (const auto order : orders) {
    for (const auto& of : cases) {
      const auto read =
          read_octets(section(order) + interface(order, {.resolution = of.resolution}) +
                      enhanced_packet(order, 0, of.time, first));
      EXPECT_EQ(read.error + read.ended_early, "");
      EXPECT_EQ(read.packets, (std::vector<ReadPacket>{{of.ns, 60, first}}))
          << int{of.resolution.value_or(255)};
    }
  }
}

TEST(CaptureReader, PcapngInterfacesBlocksAndOptions) {
  for (const auto order : orders) {
    const std::string options =
        Octets(order).option(1, "hello").option(2, std::string(4, '\x01')).option(0, "").str();
    const std::string shb_options = Octets(order).option(4, "test").option(0, "").str();
    const std::string unknown = block(order, 0x0bad0bad, std::string(8, 'x'));
    const std::string simple = block(order, 3, Octets(order).u32(42).text(last).pad().str());
    const std::string old_packet = block(
        order, 2, Octets(order).u16(1).u16(0).u32(0).u32(7).u32(42).u32(42).text(last).pad().str());
    const auto read = read_octets(
        section(order, shb_options) + unknown + interface(order, {.resolution = 9}) +
        interface(order, {.offset_seconds = 100}) + enhanced_packet(order, 0, 5, first, options) +
        unknown + enhanced_packet(order, 1, 6, first) + simple + old_packet +
        block(order, 5, Octets(order).u32(0).u32(0).u32(0).str()) +
        // A second section numbers its interfaces anew.
        section(order) + interface(order, {.resolution = 9}) + enhanced_packet(order, 0, 8, last));
    EXPECT_EQ(read.error + read.ended_early, "");
    EXPECT_EQ(read.packets, (std::vector<ReadPacket>{{5, 60, first},
                                                     {100 * second + 6'000, 60, first},
                                                     {0, 42, last},
                                                     {100 * second + 7'000, 42, last},
                                                     {8, 42, last}}));
  }
}

TEST(CaptureReader, EveryLinkTypeItKnows) {
  using capture::LinkType;
  const std::vector<std::pair<std::uint32_t, LinkType>> known{
      {1, LinkType::ethernet},          {113, LinkType::linux_cooked_v1},
      {276, LinkType::linux_cooked_v2}, {101, LinkType::raw_ip},
      {228, LinkType::raw_ip},          {229, LinkType::raw_ip},
      {0, LinkType::bsd_loopback},      {108, LinkType::bsd_loopback}};
  for (const auto& [number, link] : known) {
    const MemoryFile file(pcap_header(Order::little, pcap_nano, number) +
                          pcap_packet(Order::little, 1, 2, first));
    auto reader = CaptureReader::open(file.path());
    ASSERT_TRUE(reader.has_value()) << number << reader.error().message();
    EXPECT_EQ(reader->link(), link) << number;
    const auto packet = reader->next();
    ASSERT_TRUE(packet && *packet) << number;
    EXPECT_EQ((*packet)->link, link) << number;
    EXPECT_EQ(reader->packets(), 1U);
  }
  const auto radio = read_octets(pcap_header(Order::little, pcap_nano, 127));
  EXPECT_THAT(radio.error, HasSubstr("802.11 plus radiotap header"));
  EXPECT_THAT(radio.error, HasSubstr("raw IP"));
  const auto nonsense = read_octets(pcap_header(Order::little, pcap_nano, 40'000));
  EXPECT_THAT(nonsense.error, HasSubstr("number 40000"));
}

TEST(CaptureReader, SectionsOfDifferentByteOrdersHaveARemedy) {
  const auto part = [](Order order) {
    return section(order) + interface(order, {}) + enhanced_packet(order, 0, 1, first);
  };
  const auto mixed = read_octets(part(Order::little) + part(Order::big));
  EXPECT_EQ(mixed.packets.size(), 1U);
  EXPECT_THAT(mixed.error, HasSubstr("different byte orders"));
  EXPECT_THAT(mixed.error, HasSubstr("Rewrite it: `editcap"));
  EXPECT_EQ(read_octets(part(Order::big) + part(Order::big)).packets.size(), 2U);
}

TEST(CaptureReader, WhatLibpcapCannotHoldInOneHasARemedy) {
  const auto order = Order::little;
  const auto start = section(order) + interface(order, {}) + enhanced_packet(order, 0, 1, first);
  const auto types = read_octets(start + interface(order, {.link_type = 101}));
  EXPECT_EQ(types.packets.size(), 1U);
  EXPECT_THAT(types.error, HasSubstr("different link types"));
  EXPECT_THAT(types.error, HasSubstr("frame.interface_id"));
  const auto raw = section(order) + interface(order, {.link_type = 101});
  const auto raw_twice = read_octets(raw + interface(order, {.link_type = 101}));
  EXPECT_THAT(raw_twice.error, HasSubstr("Several of its interfaces have raw IP"));
  EXPECT_THAT(raw_twice.error, HasSubstr("Rewrite it: `editcap"));
  const auto raw_and_other = read_octets(raw + interface(order, {}));
  EXPECT_THAT(raw_and_other.error, HasSubstr("different link types"));
  const auto lengths = read_octets(start + interface(order, {.snap_length = 96}));
  EXPECT_THAT(lengths.error, HasSubstr("editcap -F nsecpcap"));
}

TEST(CaptureReader, TimesOutOfRangeAreItsEnds) {
  const auto order = Order::little;
  const auto time_with = [&](std::uint64_t offset, std::uint64_t time) {
    const auto read = read_octets(section(order) + interface(order, {.offset_seconds = offset}) +
                                  enhanced_packet(order, 0, time, first));
    EXPECT_EQ(read.packets.size(), 1U);
    return read.packets.empty() ? 0 : read.packets[0].ns;
  };
  EXPECT_EQ(time_with(0x7fffffffffff0000, 1), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(time_with(0x8000000000000000, 1), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(time_with(~0ULL, 500'000), -500'000'000);
  EXPECT_EQ(time_with(0, ~0ULL), std::numeric_limits<std::int64_t>::max());
  // A fraction beyond a second is added as it stands.
  const auto odd =
      read_octets(pcap_header(order, pcap_nano) + pcap_packet(order, 10, 3'000'000'000, first));
  ASSERT_EQ(odd.packets.size(), 1U);
}

TEST(CaptureReader, DamageEndsItAndKeepsWhatCameBefore) {
  const auto order = Order::little;
  const auto good = section(order) + interface(order, {}) + enhanced_packet(order, 0, 1, first);
  auto bad_trailer = enhanced_packet(order, 0, 2, first);
  bad_trailer.back() = 'x';
  const auto huge = Octets(order).u32(6).u32(0xfffffffc).str();
  const auto nowhere = enhanced_packet(order, 9, 2, first);
  for (const auto& damage : {bad_trailer, huge, nowhere}) {
    const auto read = read_octets(good + damage + enhanced_packet(order, 0, 3, last));
    EXPECT_EQ(read.error, "");
    EXPECT_EQ(read.packets.size(), 1U);
    EXPECT_THAT(read.ended_early, HasSubstr("damaged after packet 1"));
  }
  const auto pcap = read_octets(pcap_header(order, pcap_nano) + pcap_packet(order, 1, 1, first) +
                                Octets(order).u32(1).u32(1).u32(0x7fffffff).u32(60).str());
  EXPECT_EQ(pcap.packets.size(), 1U);
  EXPECT_THAT(pcap.ended_early, HasSubstr("damaged after packet 1"));
}

TEST(CaptureReader, InterfacesWithoutEndEndIt) {
  for (const auto order : orders) {
    const auto start = section(order) + interface(order, {});
    const auto packet = enhanced_packet(order, 0, 1, first);
    std::string interfaces;
    for (int i = 0; i < 40'000; ++i) interfaces += interface(order, {});
    const auto refused = read_octets(start + packet + interfaces + interfaces + packet);
    EXPECT_LE(refused.packets.size(), 1U);
    EXPECT_THAT(refused.ended_early, HasSubstr("more than 65536 interfaces"));
    const auto sections =
        read_octets(start + packet + interfaces + start + packet + interfaces + packet);
    EXPECT_EQ(sections.packets.size(), 3U) << sections.ended_early;
  }
}

/// Cut at every octet: an error with a remedy before the first packet can be told, and from then on
/// every packet that is whole.
void cut_everywhere(const std::string& header, const std::vector<std::string>& packets) {
  std::string whole = header;
  for (const auto& packet : packets) whole += packet;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto read = read_octets(whole.substr(0, size));
    if (size < header.size()) {
      ASSERT_FALSE(read.opened) << size;
      ASSERT_NE(read.error, "") << size;
      continue;
    }
    std::size_t end = header.size();
    std::size_t complete = 0;
    while (complete < packets.size() && end + packets[complete].size() <= size) {
      end += packets[complete++].size();
    }
    ASSERT_EQ(read.error, "") << size;
    ASSERT_EQ(read.packets.size(), complete) << size;
    ASSERT_EQ(read.ended_early.empty(), end == size) << size << read.ended_early;
    if (end != size) {
      ASSERT_THAT(read.ended_early, HasSubstr("cut off after packet")) << size;
    }
  }
}

TEST(CaptureReader, CutAtEveryOctet) {
  for (const auto order : orders) {
    cut_everywhere(pcap_header(order, pcap_nano),
                   {pcap_packet(order, 1, 1, first), pcap_packet(order, 2, 2, last)});
    cut_everywhere(section(order) + interface(order, {}),
                   {enhanced_packet(order, 0, 1, first), enhanced_packet(order, 0, 2, last)});
  }
}

TEST(CaptureReader, WhatIsNoCapture) {
  EXPECT_THAT(read_octets("").error, HasSubstr("It is empty."));
  EXPECT_THAT(read_octets("2026-11-30 12:00:00 started\n").error, HasSubstr("a log?"));
  EXPECT_THAT(read_octets(std::string(100, '\xff')).error, HasSubstr("no capture"));
  EXPECT_THAT(read_octets("\xd4\xc3").error, HasSubstr("ends inside its header"));
  EXPECT_THAT(read_path("/nowhere/at/all").error, HasSubstr("No such file"));
  EXPECT_THAT(read_path("/proc/self").error, HasSubstr("Name a file in it."));
  const auto order = Order::little;
  EXPECT_THAT(read_octets(section(order) + enhanced_packet(order, 0, 1, first)).error,
              HasSubstr("before any Interface Description"));
}

}  // namespace
}  // namespace netobs::capture_test
