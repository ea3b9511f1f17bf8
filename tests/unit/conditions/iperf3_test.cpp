#include "core/conditions/iperf3.hpp"

#include <gmock/gmock.h>

#include <cerrno>

namespace netobs::conditions {
namespace {

using testing::HasSubstr;

// Cut from what iperf 3.12 wrote.
constexpr const char* tcp = R"({
  "start": {"version": "iperf 3.12", "tcp_mss_default": 1448,
            "test_start": {"protocol": "TCP", "duration": 1, "reverse": 0, "target_bitrate": 0}},
  "intervals": [],
  "end": {
    "streams": [],
    "sum_sent": {"seconds": 1.0, "bytes": 1448000, "bits_per_second": 11584000.5, "retransmits": 7,
                 "sender": true},
    "sum_received": {"seconds": 1.5, "bytes": 1440000, "bits_per_second": 11520000, "sender": true},
    "cpu_utilization_percent": {"host_total": 2.5, "host_user": 0.5, "remote_total": 0.25}}})";

constexpr const char* udp = R"({
  "start": {"test_start": {"protocol": "UDP", "target_bitrate": 1000000}},
  "end": {
    "sum": {"bytes": 131072, "bits_per_second": 1048309.5, "jitter_ms": 0.5, "lost_packets": 3,
            "packets": 100},
    "sum_sent": {"bytes": 131072, "bits_per_second": 1048309.5, "jitter_ms": 0, "lost_packets": 0,
                 "packets": 100},
    "sum_received": {"bytes": 127000, "bits_per_second": 1016000, "jitter_ms": 0.25,
                     "lost_packets": 2, "packets": 100},
    "cpu_utilization_percent": {"host_total": 1, "remote_total": 95.5}}})";

TEST(Iperf3, Tcp) {
  const auto result = parse_iperf3(tcp);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->sent_bps, 11584000.5);
  EXPECT_EQ(result->received_bps, 11520000);
  EXPECT_EQ(result->target_bps, 0);
  EXPECT_EQ(result->seconds, 1.0) << "the shorter of the two ends";
  EXPECT_EQ(result->retransmits, 7U);
  EXPECT_EQ(result->retransmit_share(), 0.007);  // 7 of 1000 segments
  EXPECT_EQ(result->local_cpu_percent, 2.5);
  EXPECT_EQ(result->remote_cpu_percent, 0.25);
  EXPECT_FALSE(result->jitter_ns);
  EXPECT_FALSE(result->loss());
}

TEST(Iperf3, UdpCountsAtTheReceiver) {
  const auto result = parse_iperf3(udp);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->target_bps, 1e6);
  EXPECT_EQ(result->received_bps, 1016000);
  EXPECT_EQ(result->jitter_ns, 250'000);
  EXPECT_EQ(result->lost, 2U);
  EXPECT_EQ(result->packets, 100U);
  EXPECT_EQ(result->loss(), 0.02);
  EXPECT_EQ(result->remote_cpu_percent, 95.5);
  EXPECT_FALSE(result->retransmits);
}

TEST(Iperf3, ASumAloneIsEnough) {
  const auto result = parse_iperf3(R"({"start": {"test_start": {"protocol": "UDP"}}, "end": {"sum":
      {"bits_per_second": 5, "jitter_ms": 1, "lost_packets": 9, "packets": 4}}})");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->seconds, 0);
  EXPECT_EQ(result->sent_bps, 5);
  EXPECT_EQ(result->received_bps, 5);
  EXPECT_EQ(result->lost, 4U) << "no more are lost than were sent";
}

TEST(Iperf3, SaysWhyItFailed) {
  const auto refused = parse_iperf3(
      R"({"start": {}, "end": {}, "error": "unable to connect to server: Connection refused"})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, ECONNREFUSED);
  EXPECT_THAT(refused.error().cause, HasSubstr("unable to connect to server: Connection refused"));
  EXPECT_THAT(refused.error().remedy, HasSubstr("netobs reflect --iperf3"));
  const auto busy =
      parse_iperf3(R"({"error": "error - the server is busy running a test. try again later"})");
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().sys_errno, EBUSY);
  const auto hostile = parse_iperf3("{\"error\": \"\\u001b[2Jgone\"}");
  ASSERT_FALSE(hostile);
  EXPECT_EQ(hostile.error().cause, "iperf3 says: ?[2Jgone.");
}

TEST(Iperf3, GarbageIsAnError) {
  for (
      const char* text :
      {"", "iperf3: error - unable to connect", "{", "[]", "null", "1e999", "{\"end\": 7}",
       R"({"end": {"sum_sent": {"bits_per_second": "fast"}}})",
       R"({"end": {"sum_sent": {"bits_per_second": -1}, "sum_received": {"bits_per_second": 1}}})",
       R"({"end": {"sum_sent": {"bits_per_second": 1e300}, "sum_received": {"bits_per_second": 1}}})",
       R"({"error": 7})", "{\"a\": \"\xff\"}"}) {
    const auto result = parse_iperf3(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().sys_errno, EBADMSG) << text;
  }
}

TEST(Iperf3, InputIsBounded) {
  const auto result = parse_iperf3(std::string(max_iperf3_bytes + 1, ' ') + tcp);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().cause, HasSubstr("more than 1048576 bytes"));
  EXPECT_FALSE(parse_iperf3(std::string(500'000, '[')));
}

}  // namespace
}  // namespace netobs::conditions
