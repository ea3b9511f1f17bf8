#include "core/conditions/verdict.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/conditions/render.hpp"

namespace netobs::conditions {
namespace {

using testing::HasSubstr;

Judgement judge(std::string_view key, const Conditions& conditions) {
  for (const auto& row : item_table()) {
    if (row.key == key) return row.judge(conditions, Thresholds{});
  }
  return {Verdict::unknown, "no such item"};
}

Error error(int code) {
  return {.what = "try", .sys_errno = code, .cause = "A cause.", .remedy = "A remedy."};
}

EchoSeries echoes(std::uint64_t sent, std::uint64_t received, std::int64_t rtt_ns) {
  EchoSeries series{.method = "ping", .sent = sent, .received = received};
  for (std::uint64_t i = 0; i < received; ++i) series.rtt.add(rtt_ns);
  series.jitter_ns = 0;
  series.ttl = 61;
  return series;
}

Conditions with_echo(EchoSeries series) {
  Conditions conditions;
  conditions.echo.value = std::move(series);
  return conditions;
}

TEST(Verdict, Latency) {
  EXPECT_EQ(judge("latency", with_echo(echoes(1000, 991, 1000))).verdict, Verdict::fine);
  EXPECT_EQ(judge("latency", with_echo(echoes(1000, 990, 1000))).verdict, Verdict::network_issue);
  EXPECT_EQ(judge("latency", with_echo(echoes(10, 10, 310'000'000))).verdict,
            Verdict::network_issue);
  auto jittery = echoes(10, 10, 1000);
  jittery.jitter_ns = 30e6;
  EXPECT_EQ(judge("latency", with_echo(jittery)).reason, "the round trip varies much");
  EXPECT_EQ(judge("latency", with_echo(echoes(0, 0, 0))).verdict, Verdict::unknown);
}

TEST(Verdict, ASilentHostMayFilterEchoes) {
  auto silent = with_echo(echoes(10, 0, 0));
  EXPECT_EQ(judge("latency", silent).verdict, Verdict::network_issue);
  silent.tcp_upload.value = Throughput{.sent_bps = 1, .received_bps = 1};
  EXPECT_EQ(judge("latency", silent).verdict, Verdict::unknown);
  auto unreachable = echoes(10, 0, 0);
  unreachable.last_errno = EHOSTUNREACH;
  EXPECT_EQ(judge("latency", with_echo(unreachable)).reason, "no reply: No route to host");
}

TEST(Verdict, Throughput) {
  const auto of = [](const Throughput& test) {
    Conditions conditions;
    conditions.udp_upload.value = test;
    return judge("udp_upload", conditions);
  };
  const Throughput good{.sent_bps = 95, .received_bps = 95, .target_bps = 100, .bytes = 1};
  EXPECT_EQ(of(good).verdict, Verdict::fine);
  auto test = good;
  test.sent_bps = 89;
  EXPECT_EQ(of(test).verdict, Verdict::host_issue);
  test = good;
  test.local_cpu_percent = 90;
  EXPECT_THAT(of(test).reason, HasSubstr("on this host"));
  test = good;
  test.remote_cpu_percent = 99;
  EXPECT_THAT(of(test).reason, HasSubstr("on the other host"));
  test = good;
  test.packets = 100;
  test.lost = 1;
  EXPECT_EQ(of(test).verdict, Verdict::network_issue);
  test = {
      .sent_bps = 1, .received_bps = 1, .bytes = 100'000, .segment_bytes = 1000, .retransmits = 1};
  EXPECT_EQ(of(test).verdict, Verdict::network_issue);
}

TEST(Verdict, AFailureKeepsItsReason) {
  const auto of = [](int code) {
    Conditions conditions;
    conditions.tcp_upload.failure = error(code);
    return judge("tcp_upload", conditions);
  };
  EXPECT_EQ(of(ENOENT).verdict, Verdict::unknown);
  EXPECT_EQ(of(ENOENT).reason, "try: No such file or directory. A cause. A remedy.");
  EXPECT_EQ(of(ECONNREFUSED).verdict, Verdict::host_issue);
  EXPECT_EQ(of(ENETUNREACH).verdict, Verdict::network_issue);
  EXPECT_EQ(of(ETIMEDOUT).verdict, Verdict::unknown);
  EXPECT_EQ(judge("tcp_upload", Conditions{}).reason, "not measured");
}

TEST(Verdict, NamesAddressesAndPath) {
  Conditions conditions;
  conditions.resolution.value = Resolution{"198.18.0.2", 199e6};
  conditions.path_mtu.value = PathMtu{1280, true};
  EXPECT_EQ(judge("dns", conditions).verdict, Verdict::fine);
  EXPECT_EQ(judge("path_mtu", conditions).verdict, Verdict::fine);
  EXPECT_EQ(judge("private_ip", conditions).verdict, Verdict::unknown);
  EXPECT_EQ(judge("hops", conditions).verdict, Verdict::unknown);
  conditions.resolution.value->dns_ns = 200e6;
  conditions.path_mtu.value = PathMtu{1279, true};
  conditions.local.failure = error(ENETUNREACH);
  conditions.public_ip.failure = error(ENETUNREACH);
  EXPECT_EQ(judge("dns", conditions).verdict, Verdict::network_issue);
  EXPECT_EQ(judge("path_mtu", conditions).verdict, Verdict::network_issue);
  EXPECT_EQ(judge("private_ip", conditions).verdict, Verdict::host_issue);
  EXPECT_EQ(judge("public_ip", conditions).verdict, Verdict::unknown);
}

TEST(Conditions, WhatCountsAsMeasured) {
  Conditions conditions;
  conditions.local.value = LocalAddress{"198.18.0.1", "eth0"};
  conditions.path_mtu.value = PathMtu{1500, false};
  conditions.echo.value = echoes(3, 0, 0);
  EXPECT_FALSE(conditions.measured_anything());
  conditions.echo.value = echoes(3, 1, 5);
  EXPECT_TRUE(conditions.measured_anything());
  EXPECT_EQ(conditions.hops(), 3U);
}

Conditions sample() {
  Conditions conditions = with_echo(echoes(4, 4, 1'500'000));
  conditions.id = "0000000000000007";
  conditions.started_at_ns = 5;
  conditions.target = "server";
  conditions.resolution.value = Resolution{"198.18.0.2", 2e6};
  conditions.local.value = LocalAddress{"198.18.0.1", "eth0"};
  conditions.path_mtu.value = PathMtu{1500, true};
  conditions.tcp_upload.value = Throughput{
      .sent_bps = 9.5e8, .received_bps = 9.4e8, .retransmits = 2, .local_cpu_percent = 12};
  conditions.tcp_download.failure = error(ECONNREFUSED);
  return conditions;
}

TEST(CheckText, OneLinePerItem) {
  const auto text = check_text(sample(), {}, {.columns = 200});
  EXPECT_THAT(text, HasSubstr("netobs check server (198.18.0.2)\n"));
  EXPECT_THAT(text, HasSubstr("DNS           fine           server -> 198.18.0.2 in 2.00 ms\n"));
  EXPECT_THAT(text, HasSubstr("private IP    fine           198.18.0.1 on eth0\n"));
  EXPECT_THAT(text, HasSubstr("public IP     unknown        not measured\n"));
  EXPECT_THAT(text, HasSubstr("hops          fine           3\n"));
  EXPECT_THAT(text,
              HasSubstr("latency       fine           min 1.50 ms, mean 1.50 ms, max 1.50 ms, "
                        "p50 1.50 ms, jitter 0 ns, lost 0 of 4, by ping\n"));
  EXPECT_THAT(text,
              HasSubstr("TCP upload    fine           940 Mbit/s, retransmits 2, CPU here 12 %\n"));
  EXPECT_THAT(text, HasSubstr("TCP download  host issue     try: Connection refused. A cause."));
  EXPECT_THAT(text,
              HasSubstr("thresholds    A network issue is: loss or retransmissions from 1 % on"));
}

TEST(CheckJson, EveryItemHasVerdictReasonAndFigures) {
  const auto json = nlohmann::json::parse(check_json(sample(), {}));
  EXPECT_EQ(json["schema"], "netobs.check/1");
  EXPECT_EQ(json["thresholds"]["loss"], 0.01);
  ASSERT_EQ(json["items"].size(), 10U);
  EXPECT_EQ(json["items"]["latency"]["verdict"], "fine");
  EXPECT_EQ(json["items"]["latency"]["figures"]["max_ns"], 1'500'000);
  EXPECT_TRUE(json["items"]["latency"]["figures"]["p99_ns"].is_null());
  EXPECT_EQ(json["items"]["tcp_upload"]["figures"]["received_bps"], 9.4e8);
  EXPECT_TRUE(json["items"]["tcp_download"]["figures"].is_null());
  EXPECT_EQ(json["items"]["public_ip"]["verdict"], "unknown");
}

}  // namespace
}  // namespace netobs::conditions
