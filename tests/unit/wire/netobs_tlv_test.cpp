#include "core/wire/netobs_tlv.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "unit/wire/hex.hpp"

namespace netobs::wire {
namespace {

using wire_test::bytes;
using wire_test::zeros;
using wire_test::operator+;
using Bytes = std::vector<std::byte>;

PointSet points(std::initializer_list<Point> list) {
  PointSet set;
  for (const Point point : list) set.add(point);
  return set;
}

constexpr PointSet all{0x7fff};

NetobsEntry entry(std::initializer_list<std::pair<Point, std::int64_t>> times) {
  NetobsEntry made{.reflector_sequence = 5, .sender_sequence = 6, .points = {}, .ns = {}};
  for (const auto& [point, ns] : times) {
    made.points.add(point);
    made.ns[index(point)] = ns;
  }
  return made;
}

NetobsReply parsed(const Bytes& value) {
  const auto reply = parse_netobs_reply(value);
  EXPECT_TRUE(reply.has_value());
  return reply.value_or(NetobsReply{});
}

TEST(NetobsTlv, RequestLayout) {
  Bytes value(30, std::byte{0xee});
  write_netobs_request(value, points({Point::app_tx, Point::app_rx}));
  EXPECT_EQ(value, bytes("4e4f4253 01 00 00 00 0801 0000") + zeros(18));
  EXPECT_EQ(parse_netobs_request(value), points({Point::app_tx, Point::app_rx}));
}

TEST(NetobsTlv, ReplyLayout) {
  Bytes value(24 + 36 + 3, std::byte{0xee});
  const NetobsStatus status{
      .available = points({Point::app_tx, Point::rx_software, Point::tx_hardware}),
      .on_path = points({Point::app_tx, Point::app_rx, Point::xdp_rx}),
      .base_is_xdp = true,
      .clock_identity = 0x1122334455667788,
      .dropped = 7,
      .clock_steps = 5};
  NetobsReplyWriter writer(value, status);
  const auto one = entry({{Point::app_tx, 0x0102030405060708},
                          {Point::tx_hardware, 0x2222222222222222},
                          {Point::rx_software, 0x0102030405060708 - 2},
                          {Point::app_rx, 0x0102030405060708 + 3}});
  ASSERT_TRUE(writer.add(one));
  EXPECT_FALSE(writer.add(one));  // no room
  EXPECT_EQ(value, bytes("4e4f4253 01 03 01 05 00a1 1801 1122334455667788 00000007"
                         "00000005 00000006 08a1 00 00 0102030405060708"
                         "2222222222222222 fffffffe 00000003") +
                       zeros(3));
  const auto reply = parsed(value);
  EXPECT_EQ(reply.status, status);
  ASSERT_EQ(reply.entries().size(), 1U);
  EXPECT_EQ(reply.entries()[0], one);
}

TEST(NetobsTlv, WideWhenADifferenceExceeds32Bits) {
  const auto fits = entry({{Point::app_tx, 0}, {Point::app_rx, 0x7fffffff}});
  const auto beyond = entry({{Point::app_tx, 0}, {Point::app_rx, 0x80000000}});
  const auto far = entry({{Point::app_tx, std::numeric_limits<std::int64_t>::max()},
                          {Point::app_rx, std::numeric_limits<std::int64_t>::min()}});
  Bytes value(24 + 24 + 28 + 28);
  NetobsReplyWriter writer(value, {.available = all});
  EXPECT_TRUE(writer.add(fits));
  EXPECT_TRUE(writer.add(beyond));
  EXPECT_TRUE(writer.add(far));
  const auto reply = parsed(value);
  ASSERT_EQ(reply.entry_count, 3U);
  EXPECT_EQ(reply.entries()[0], fits);
  EXPECT_EQ(reply.entries()[1], beyond);
  EXPECT_EQ(reply.entries()[2], far);
}

TEST(NetobsTlv, HardwareOnlyAndEmptyEntries) {
  const auto hardware = entry({{Point::rx_hardware, -5}, {Point::tx_hardware, 9}});
  const auto empty = entry({});
  Bytes value(24 + 36 + 20);
  NetobsReplyWriter writer(value, {.available = all});
  EXPECT_TRUE(writer.add(hardware));
  EXPECT_TRUE(writer.add(empty));
  const auto reply = parsed(value);
  EXPECT_EQ(reply.entries()[0], hardware);
  EXPECT_EQ(reply.entries()[1], empty);
}

TEST(NetobsTlv, HardwareTimesSayHowWellTheyAreKnown) {
  struct Case {
    std::int64_t bound;
    unsigned octet;
    std::int64_t read;
  };
  for (const Case& each :
       {Case{0, 0x01, 9}, Case{9, 0x01, 9}, Case{15, 0x07, 15}, Case{16, 0x08, 16},
        Case{17, 0x09, 18}, Case{31, 0x10, 32}, Case{250, 0x28, 256},
        Case{16'106'127'360, 0xf7, 16'106'127'360}, Case{INT64_MAX, 0xff, 32'212'254'720}}) {
    auto one = entry({{Point::tx_hardware, 9}});
    one.nic_bound_ns = each.bound;
    one.tx_hardware_unasked = true;
    one.hardware_impossible = true;
    Bytes value(24 + 28);
    NetobsReplyWriter writer(value, {.available = all});
    ASSERT_TRUE(writer.add(one));
    EXPECT_EQ(value[24 + 10], std::byte{0x0c});
    EXPECT_EQ(value[24 + 11], static_cast<std::byte>(each.octet)) << each.bound;
    const auto reply = parsed(value);
    const auto& read = reply.entries()[0];
    EXPECT_EQ(read.nic_bound_ns, each.read);
    EXPECT_TRUE(read.tx_hardware_unasked);
    EXPECT_TRUE(read.hardware_impossible);
  }
}

TEST(NetobsTlv, AnEntrySaysThatHookEventsWereLost) {
  auto one = entry({{Point::app_rx, 9}});
  one.hook_events_lost = true;
  Bytes value(24 + 20);
  NetobsReplyWriter writer(value, {.available = all});
  ASSERT_TRUE(writer.add(one));
  EXPECT_EQ(value[24 + 10], std::byte{0x10});
  const auto reply = parsed(value);
  EXPECT_EQ(reply.entries()[0], one);
}

TEST(NetobsTlv, EightEntriesAtMost) {
  Bytes value(1000);
  NetobsReplyWriter writer(value, {.available = all});
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(writer.add(entry({{Point::app_tx, i}})));
  EXPECT_FALSE(writer.add(entry({{Point::app_tx, 8}})));
  EXPECT_EQ(parsed(value).entry_count, 8U);
  EXPECT_EQ(parsed(value).entry_slots[7].ns[index(Point::app_tx)], 7);
}

TEST(NetobsTlv, Sizes) {
  EXPECT_EQ(netobs_entry_size(PointSet(0xfff)), 72U);
  PointSet software(0xfff);
  software.remove(Point::tx_hardware);
  software.remove(Point::rx_hardware);
  EXPECT_EQ(netobs_entry_size(software), 56U);
  EXPECT_EQ(netobs_entry_size(software, true), 92U);
  EXPECT_EQ(netobs_entry_size(PointSet()), 20U);
  EXPECT_EQ(netobs_value_size(software, 2), 136U);
  EXPECT_EQ(netobs_value_size(software, 2), 136U);
  EXPECT_EQ(netobs_value_size(PointSet(), 99), 24U + 8 * 20U);
}

// Points 16 and 17 do not fit the mask's own field: they stand in the octet of flags beside it.
TEST(NetobsTlv, PointsBeyondTheFieldOfTheMask) {
  const PointSet pcap = points_of(Layer::pcap);
  Bytes request(24);
  write_netobs_request(request, pcap);
  EXPECT_EQ(request[5], std::byte{0x40});  // pcap_rx
  EXPECT_EQ(request[8], std::byte{0x80});  // pcap_tx
  EXPECT_EQ(request[9], std::byte{0});
  EXPECT_EQ(parse_netobs_request(request), pcap);

  Bytes reply(24 + netobs_entry_size(pcap));
  NetobsReplyWriter writer(reply, {.available = all | pcap, .on_path = pcap});
  const auto sent = entry({{Point::pcap_tx, 5'000}, {Point::pcap_rx, 1'000}});
  ASSERT_TRUE(writer.add(sent));
  EXPECT_EQ(reply[5], std::byte{0x51});  // a reply; pcap_rx recorded, and on the path
  EXPECT_EQ(reply[34], std::byte{0x40});
  const auto read = parse_netobs_reply(reply);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->status.available, all | pcap);
  EXPECT_EQ(read->status.on_path, pcap);
  EXPECT_EQ(read->entries()[0], sent);
}

TEST(NetobsTlv, ARequestMaySayThatItIsNotMeasured) {
  Bytes request(24);
  write_netobs_request(request, all, false);
  EXPECT_FALSE(is_netobs_request_measured(request));
  EXPECT_EQ(parse_netobs_request(request), all);
  write_netobs_request(request, all);
  EXPECT_TRUE(is_netobs_request_measured(request));
  mark_netobs_request_not_measured(request);
  EXPECT_FALSE(is_netobs_request_measured(request));
  EXPECT_TRUE(is_netobs_request_measured(zeros(40)));
}

TEST(NetobsTlv, ReplyRejects) {
  Bytes good(24 + 20);
  NetobsReplyWriter writer(good, {.available = all});
  ASSERT_TRUE(writer.add(entry({{Point::app_tx, 1}})));
  ASSERT_TRUE(parse_netobs_reply(good).has_value());
  const auto rejected = [&](std::size_t octet, unsigned value) {
    Bytes bad = good;
    bad[octet] = static_cast<std::byte>(value);
    return parse_netobs_reply(bad).error();
  };
  EXPECT_EQ(parse_netobs_reply(std::span(good).first(23)).error(), NetobsReject::too_short);
  EXPECT_EQ(parse_netobs_reply({}).error(), NetobsReject::too_short);
  EXPECT_EQ(rejected(0, 0), NetobsReject::wrong_magic);
  EXPECT_EQ(rejected(4, 2), NetobsReject::wrong_version);
  EXPECT_EQ(rejected(5, 0), NetobsReject::wrong_direction);
  EXPECT_EQ(rejected(6, 9), NetobsReject::too_many_entries);
  EXPECT_EQ(rejected(6, 2), NetobsReject::truncated_entry);    // a second header is not there
  EXPECT_EQ(rejected(33, 3), NetobsReject::truncated_entry);   // a second point is not there
  EXPECT_EQ(rejected(34, 0x80), NetobsReject::unknown_point);  // bit 17
  EXPECT_EQ(parse_netobs_request(good).error(), NetobsReject::wrong_direction);
  EXPECT_EQ(parse_netobs_request(zeros(40)).error(), NetobsReject::wrong_magic);
  EXPECT_EQ(name(NetobsReject::truncated_entry), "truncated_entry");
}

}  // namespace
}  // namespace netobs::wire
