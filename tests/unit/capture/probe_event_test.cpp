#include "core/capture/probe_event.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "core/base/bytes.hpp"

namespace netobs::capture {
namespace {

const Endpoint sender = Endpoint::v4({198, 18, 0, 1}, 40000);
const Endpoint reflector = Endpoint::v4({198, 18, 0, 2}, 862);

std::vector<std::byte> stamp(std::uint32_t sequence, std::uint16_t ssid,
                             std::uint32_t sender_sequence) {
  std::vector<std::byte> bytes(44);
  store_be(bytes, 0, sequence);
  store_be(bytes, 14, ssid);
  store_be(bytes, 24, sender_sequence);
  return bytes;
}

Datagram datagram(const Endpoint& from, const Endpoint& to, std::span<const std::byte> payload) {
  Datagram made;
  made.source = from;
  made.destination = to;
  made.payload = payload;
  made.payload_size = static_cast<std::uint32_t>(payload.size());
  return made;
}

TEST(ProbeEvent, EachEndSeesARequestAndAReply) {
  const auto request = stamp(7, 42, 0);
  const auto reply = stamp(9, 42, 7);
  const ProbeFilter at_sender{.local_port = 40000, .remote = reflector};
  const ProbeFilter at_reflector{.local_port = 862};

  const auto left = read_probe_event(datagram(sender, reflector, request), at_sender);
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(left->point, Point::pcap_tx);
  EXPECT_EQ(left->peer, reflector);
  EXPECT_EQ(left->sequence, 7U);
  EXPECT_EQ(left->ssid, 42U);

  const auto arrived = read_probe_event(datagram(sender, reflector, request), at_reflector);
  ASSERT_TRUE(arrived.has_value());
  EXPECT_EQ(arrived->point, Point::pcap_rx);
  EXPECT_EQ(arrived->peer, sender);
  EXPECT_EQ(arrived->sequence, 7U);
  EXPECT_EQ(arrived->sender_sequence, 0U);

  const auto answered = read_probe_event(datagram(reflector, sender, reply), at_reflector);
  ASSERT_TRUE(answered.has_value());
  EXPECT_EQ(answered->point, Point::pcap_tx);
  EXPECT_EQ(answered->peer, sender);
  EXPECT_EQ(answered->sequence, 9U);
  EXPECT_EQ(answered->sender_sequence, 7U);

  const auto back = read_probe_event(datagram(reflector, sender, reply), at_sender);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->point, Point::pcap_rx);
  EXPECT_EQ(back->sender_sequence, 7U);
}

TEST(ProbeEvent, OfTwoEqualPortsTheAddressesTellTheWay) {
  const auto request = stamp(7, 42, 0);
  const Endpoint same_port = Endpoint::v4({198, 18, 0, 1}, 862);
  const ProbeFilter at_sender{.local_port = 862, .remote = reflector};
  const auto event = read_probe_event(datagram(same_port, reflector, request), at_sender);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->point, Point::pcap_tx);
  // Who only knows the port knows nothing.
  EXPECT_FALSE(read_probe_event(datagram(same_port, reflector, request), {.local_port = 862}));
}

TEST(ProbeEvent, OthersPacketsAreNoEvents) {
  const auto request = stamp(7, 42, 0);
  const ProbeFilter at_sender{.local_port = 40000, .remote = reflector};
  const Endpoint other = Endpoint::v4({198, 18, 0, 3}, 862);
  EXPECT_FALSE(read_probe_event(datagram(sender, other, request), at_sender));
  EXPECT_FALSE(read_probe_event(datagram(other, sender, request), at_sender));
  EXPECT_FALSE(
      read_probe_event(datagram(sender, reflector, std::span(request).first(3)), at_sender));
  auto echo = datagram(sender, reflector, request);
  echo.transport = Transport::icmp_echo_request;
  EXPECT_FALSE(read_probe_event(echo, at_sender));
}

TEST(ProbeEvent, AShortOneHasNoMoreThanItsNumber) {
  const auto request = stamp(7, 42, 5);
  const auto event = read_probe_event(datagram(reflector, sender, std::span(request).first(14)),
                                      {.local_port = 40000, .remote = reflector});
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->sequence, 7U);
  EXPECT_EQ(event->ssid, 0U);
  EXPECT_EQ(event->sender_sequence, 0U);
}

TEST(ProbeEvent, AuthenticatedModeHasItsFieldsElsewhere) {
  std::vector<std::byte> reply(112);
  store_be(reply, 0, std::uint32_t{9});
  store_be(reply, 26, std::uint16_t{42});
  store_be(reply, 48, std::uint32_t{7});
  const auto event = read_probe_event(
      datagram(reflector, sender, reply),
      {.local_port = 40000, .remote = reflector, .mode = wire::Mode::authenticated});
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->ssid, 42U);
  EXPECT_EQ(event->sender_sequence, 7U);
}

TEST(ProbeEvent, LinkLocalPeersHaveTheInterfaceAsScope) {
  Endpoint here;
  here.address = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  here.port = 40000;
  Endpoint there = here;
  there.address[15] = 2;
  there.port = 862;
  const auto request = stamp(7, 42, 0);
  const auto event =
      read_probe_event(datagram(here, there, request), {.local_port = 862, .interface_index = 5});
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->peer.scope_id, 5U);
}

}  // namespace
}  // namespace netobs::capture
