#include "core/conditions/ping_text.hpp"

#include <gtest/gtest.h>

namespace netobs::conditions {
namespace {

TEST(PingText, Iputils) {
  const auto series = parse_ping(
      "PING 198.18.0.2 (198.18.0.2) 56(84) bytes of data.\n"
      "64 bytes from 198.18.0.2: icmp_seq=1 ttl=62 time=1.00 ms\n"
      "64 bytes from 198.18.0.2: icmp_seq=2 ttl=62 time=1.32 ms\n"
      "64 bytes from 198.18.0.2: icmp_seq=2 ttl=62 time=9.99 ms (DUP!)\n"
      "64 bytes from 198.18.0.2: icmp_seq=4 ttl=62 time=0.520 ms\n"
      "\n"
      "--- 198.18.0.2 ping statistics ---\n"
      "4 packets transmitted, 3 received, +1 duplicates, 25% packet loss, time 3004ms\n"
      "rtt min/avg/max/mdev = 0.520/0.946/1.320/0.329 ms\n");
  ASSERT_TRUE(series);
  EXPECT_EQ(series->method, "ping");
  EXPECT_EQ(series->sent, 4U);
  EXPECT_EQ(series->received, 3U);
  EXPECT_EQ(series->loss(), 0.25);
  EXPECT_EQ(series->rtt.min(), 520'000);
  EXPECT_EQ(series->rtt.max(), 1'320'000);
  EXPECT_EQ(series->ttl, 62);
  // J = 320000 / 16 = 20000, then + (800000 - 20000) / 16.
  EXPECT_DOUBLE_EQ(series->jitter_ns.value_or(0), 68'750);
}

TEST(PingText, NoReply) {
  const auto series = parse_ping("3 packets transmitted, 0 received, 100% packet loss, time 2ms\n");
  ASSERT_TRUE(series);
  EXPECT_EQ(series->loss(), 1);
  EXPECT_TRUE(series->rtt.empty());
  EXPECT_FALSE(series->jitter_ns);
  EXPECT_FALSE(series->ttl);
}

TEST(PingText, BusyBox) {
  const auto series = parse_ping(
      "64 bytes from fd00::2: seq=0 ttl=255 time=0.070 ms\n"
      "1 packets transmitted, 1 packets received, 0% packet loss");
  ASSERT_TRUE(series);
  EXPECT_EQ(series->received, 1U);
  EXPECT_EQ(series->rtt.max(), 70'000);
}

TEST(PingText, GarbageIsAnError) {
  for (const char* text :
       {"", "ping: socket: Operation not permitted\n", " packets transmitted, 1 received\n",
        "0 packets transmitted, 0 received\n", "99999999999999999999 packets transmitted\n",
        "64 bytes: time=1 ms\n64 bytes: time=1 ms\n1 packets transmitted, 2 received\n"}) {
    EXPECT_FALSE(parse_ping(text)) << text;
  }
  const auto odd = parse_ping(
      "a time=nan ms\nb time=-1 ms\nc time=1e300 ms\nd ttl=300 time=2 ms\n9 packets transmitted");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->received, 1U);
  EXPECT_FALSE(odd->ttl);
}

TEST(PublicIp, OneAddress) {
  EXPECT_EQ(parse_public_ip("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(parse_public_ip(" 2001:db8::7\r\n"), "2001:db8::7");
  for (const char* body :
       {"", " \n", "<html>", "203.0.113.7 203.0.113.8", "203.0.113", "203.0.113.7x",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"}) {
    EXPECT_FALSE(parse_public_ip(body)) << body;
  }
}

TEST(BitRate, Units) {
  EXPECT_EQ(parse_bit_rate("1000"), 1e3);
  EXPECT_EQ(parse_bit_rate("500k"), 5e5);
  EXPECT_EQ(parse_bit_rate("2.5G"), 2.5e9);
  for (const char* text :
       {"", "M", "fast", "10 M", "10Mb", "-1M", "nan", "999", "2000G", "1e400"}) {
    EXPECT_FALSE(parse_bit_rate(text)) << text;
  }
}

TEST(Hops, FromTheLeastStartThatFits) {
  EXPECT_EQ(hops_from_ttl(64), 0U);
  EXPECT_EQ(hops_from_ttl(52), 12U);
  EXPECT_EQ(hops_from_ttl(65), 63U);
  EXPECT_EQ(hops_from_ttl(128), 0U);
  EXPECT_EQ(hops_from_ttl(250), 5U);
  EXPECT_EQ(hops_from_ttl(255), 0U);
}

}  // namespace
}  // namespace netobs::conditions
