#include "core/conditions/loaded.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/conditions/render.hpp"

namespace netobs::conditions {
namespace {

using testing::HasSubstr;
using testing::Not;
using Kind = stats::SegmentKind;

constexpr std::int64_t us = 1'000;
constexpr std::int64_t ms = 1'000'000;

LoadedRun::SegmentFigures segment(Host host, Point from, Point to, Kind kind, const char* name,
                                  std::int64_t p50_ns) {
  return {.segment = {slot(host, from), slot(host, to), kind, name, {}},
          .figures = {.count = 500, .p50_ns = p50_ns, .p99_ns = 2 * p50_ns}};
}

LoadedRun::SegmentFigures qdisc(std::int64_t p50_ns) {
  return segment(Host::sender, Point::tc_egress, Point::net_dev_start_xmit, Kind::sender_tx,
                 "qdisc", p50_ns);
}

LoadedRun::SegmentFigures driver(std::int64_t p50_ns) {
  return segment(Host::sender, Point::net_dev_start_xmit, Point::tx_software, Kind::sender_tx,
                 "driver", p50_ns);
}

LoadedRun::SegmentFigures qdisc_and_driver(std::int64_t p50_ns) {
  return segment(Host::sender, Point::tc_egress, Point::tx_software, Kind::sender_tx,
                 "qdisc, driver", p50_ns);
}

LoadedRun::SegmentFigures network(std::int64_t p50_ns) {
  return segment(Host::sender, Point::tx_software, Point::rx_software, Kind::network_both_ways,
                 "network, both ways", p50_ns);
}

LoadedRun::SegmentFigures wake_up(std::int64_t p50_ns) {
  return segment(Host::reflector, Point::socket_delivery, Point::app_rx, Kind::reflector_rx,
                 "wake-up, copy", p50_ns);
}

LoadedRun run(std::int64_t rtt_ns, std::vector<LoadedRun::SegmentFigures> segments) {
  LoadedRun made{.sent = 500, .received = 500, .segments = std::move(segments)};
  made.views[0] = LatencyFigures{.count = 500, .p50_ns = rtt_ns, .p99_ns = 2 * rtt_ns};
  return made;
}

LoadedLatency runs(LoadedRun idle, LoadedRun upload) {
  LoadedLatency made{.time = std::chrono::seconds(5), .probes_per_second = 100};
  upload.load = Throughput{.sent_bps = 48e6, .received_bps = 47.5e6};
  made.runs[index(LoadPhase::idle)].value = std::move(idle);
  made.runs[index(LoadPhase::upload)].value = std::move(upload);
  return made;
}

Judgement judge(const LoadedLatency& loaded, LoadPhase phase = LoadPhase::upload) {
  return judge_loaded(loaded, phase, Thresholds{});
}

LoadedRun quiet() {
  return run(100 * us, {qdisc(2 * us), driver(1 * us), network(40 * us), wake_up(50 * us)});
}

TEST(LoadedVerdict, TheSegmentThatGrewMostSaysWhoseItIs) {
  const auto sender = judge(
      runs(quiet(), run(90 * ms, {qdisc(80 * ms), driver(1 * us), network(9 * ms), wake_up(0)})));
  EXPECT_EQ(sender.verdict, Verdict::host_issue);
  EXPECT_EQ(sender.reason, "the queue is in the sender's qdisc: 80.0 ms more than idle");
  const auto between = judge(runs(quiet(), run(90 * ms, {qdisc(9 * ms), network(80 * ms)})));
  EXPECT_EQ(between.verdict, Verdict::network_issue);
  EXPECT_THAT(between.reason, HasSubstr("in network, both ways: 80.0 ms more"));
  const auto reflector = judge(runs(quiet(), run(90 * ms, {network(9 * ms), wake_up(80 * ms)})));
  EXPECT_EQ(reflector.verdict, Verdict::host_issue);
  EXPECT_THAT(reflector.reason, HasSubstr("the reflector's wake-up, copy"));
}

TEST(LoadedVerdict, TheThresholdIsWhereFineEnds) {
  const auto grown = [](std::int64_t ns) {
    return judge(runs(quiet(), run(100 * us + ns, {qdisc(2 * us + ns), network(40 * us)})));
  };
  EXPECT_EQ(grown(5 * ms - 1).verdict, Verdict::fine);
  EXPECT_EQ(grown(5 * ms).verdict, Verdict::host_issue);
  // Many small queues are one large one.
  const auto many = judge(runs(
      quiet(), run(7 * ms, {qdisc(4 * ms), driver(1 * us), network(2 * ms), wake_up(1 * ms)})));
  EXPECT_EQ(many.verdict, Verdict::host_issue);
  // What load makes shorter is no issue.
  EXPECT_EQ(judge(runs(run(90 * ms, {qdisc(80 * ms)}), quiet())).verdict, Verdict::fine);
}

TEST(LoadedVerdict, SegmentsWithOtherEndsAreNotCompared) {
  const auto hidden = judge(
      runs(quiet(), run(90 * ms, {qdisc_and_driver(89 * ms), network(41 * us), wake_up(50 * us)})));
  EXPECT_EQ(hidden.verdict, Verdict::unknown);
  EXPECT_THAT(hidden.reason, HasSubstr("grew by 89.9 ms, in no segment that both runs have"));
  // Another segment explains it all the same.
  const auto seen =
      judge(runs(quiet(), run(90 * ms, {qdisc_and_driver(4 * us), network(89 * ms)})));
  EXPECT_EQ(seen.verdict, Verdict::network_issue);
}

TEST(LoadedVerdict, LossIsAnIssueToo) {
  auto lossy = quiet();
  lossy.lost = 4;
  EXPECT_EQ(judge(runs(quiet(), lossy)).verdict, Verdict::fine);
  lossy.lost = 5;
  EXPECT_EQ(judge(runs(quiet(), lossy)).verdict, Verdict::network_issue);
  EXPECT_EQ(judge(runs(lossy, quiet()), LoadPhase::idle).verdict, Verdict::network_issue);
  lossy.send_failed = 50;
  EXPECT_EQ(judge(runs(quiet(), lossy)).verdict, Verdict::host_issue);
  auto silent = quiet();
  silent.received = 0;
  EXPECT_EQ(judge(runs(quiet(), silent)).verdict, Verdict::unknown);
}

TEST(LoadedVerdict, WhatWasNotMeasuredIsUnknown) {
  auto loaded = runs(quiet(), quiet());
  EXPECT_EQ(judge(loaded, LoadPhase::download).reason, "not measured");
  loaded.runs[index(LoadPhase::download)].failure = Error{.what = "measure throughput with iperf3",
                                                          .sys_errno = ECONNREFUSED,
                                                          .cause = "A cause.",
                                                          .remedy = "A remedy."};
  const auto refused = judge(loaded, LoadPhase::download);
  EXPECT_EQ(refused.verdict, Verdict::unknown);
  EXPECT_EQ(refused.reason,
            "measure throughput with iperf3: Connection refused. A cause. A remedy.");
  EXPECT_EQ(judge(loaded, LoadPhase::idle).verdict, Verdict::fine);
  loaded.runs[index(LoadPhase::idle)].value.reset();
  EXPECT_THAT(judge(loaded).reason, HasSubstr("nothing to compare with"));
}

TEST(LoadedSegments, AllOfThemAlongTheWay) {
  const auto rows =
      segments_by_phase(runs(quiet(), run(1 * ms, {qdisc_and_driver(5 * us), network(60 * us)})));
  ASSERT_EQ(rows.size(), 5U);
  const std::array names{"qdisc", "qdisc, driver", "driver", "network, both ways", "wake-up, copy"};
  for (std::size_t i = 0; i < names.size(); ++i) EXPECT_EQ(rows[i].segment.name, names[i]);
  EXPECT_EQ(increase(rows[3].figures, LoadPhase::upload).p50_ns, 20 * us);
  EXPECT_EQ(increase(rows[3].figures, LoadPhase::upload).p99_ns, 40 * us);
  EXPECT_EQ(increase(rows[3].figures, LoadPhase::download).p50_ns, std::nullopt);
  EXPECT_EQ(increase(rows[0].figures, LoadPhase::upload).p50_ns, std::nullopt);
  EXPECT_EQ(grew_most(rows, LoadPhase::upload), 3U);
  EXPECT_EQ(grew_most(rows, LoadPhase::download), std::nullopt);
}

TEST(LoadedRun, IsTakenFromTheSummary) {
  report::Summary summary;
  summary.document.probes = {.sent = 9, .received = 7, .lost = 2, .send_failed = 1};
  summary.document.violations.causal_order = 3;
  summary.document.skipped = 5;
  report::Figures figures{.count = 7, .min = 1, .max = 9};
  figures.quantile[0] = 4;
  summary.rtt[1] = figures;
  summary.segments.push_back({.segment = qdisc(0).segment, .figures = figures, .share = {}});
  summary.segments.push_back({.segment = driver(0).segment, .figures = {}, .share = {}});
  const auto taken = loaded_run(summary, std::nullopt);
  EXPECT_EQ(taken.sent, 9U);
  EXPECT_EQ(taken.lost, 2U);
  EXPECT_EQ(taken.send_failed, 1U);
  EXPECT_EQ(taken.violations, 3U);
  EXPECT_EQ(taken.skipped, 5U);
  EXPECT_FALSE(taken.views[0]);
  EXPECT_EQ(taken.views[1]->p50_ns, 4);
  EXPECT_EQ(taken.views[1]->p99_ns, std::nullopt);
  ASSERT_EQ(taken.segments.size(), 1U);
  EXPECT_EQ(taken.segments[0].figures.count, 7U);
}

Conditions sample() {
  Conditions conditions;
  conditions.target = "server";
  conditions.loaded =
      runs(quiet(), run(90 * ms, {qdisc(80 * ms), driver(1 * us), network(9 * ms)}));
  conditions.loaded->runs[index(LoadPhase::download)].failure =
      Error{.what = "run iperf3", .sys_errno = ENOENT, .cause = "", .remedy = "Install it."};
  return conditions;
}

TEST(LoadedText, RunsThenWhatTheLoadAdded) {
  const auto text = check_text(sample(), {}, {.columns = 200});
  EXPECT_THAT(text, HasSubstr("latency under load: runs of 5 s, 100 probes/s\n"));
  EXPECT_THAT(text,
              HasSubstr("idle          fine           p50 100 us, p99 200 us, lost 0 of 500\n"));
  EXPECT_THAT(text,
              HasSubstr("upload        host issue     p50 90.0 ms, p99 180 ms, lost 0 of 500, "
                        "iperf3 47.5 Mbit/s; the queue is in the sender's qdisc: 80.0 ms more "
                        "than idle\n"));
  EXPECT_THAT(text, HasSubstr("download      unknown        run iperf3: No such file or directory "
                              "Install it.\n"));
  EXPECT_THAT(text, HasSubstr("added by the load        p50 idle  +upload    +down   p99 idle  "
                              "+upload    +down\n"));
  EXPECT_THAT(text, HasSubstr("    qdisc                 2.00 us  80.0 ms       --    4.00 us   "
                              "160 ms       --\n"));
  EXPECT_THAT(text,
              HasSubstr("    wake-up, copy         50.0 us       --       --     100 us       "
                        "--       --\n"));
  EXPECT_THAT(text, HasSubstr("grows by 5.00 ms or more over idle"));
  EXPECT_THAT(text, Not(HasSubstr("eBPF tc")));
  EXPECT_THAT(check_text(Conditions{}, {}, {}), Not(HasSubstr("nder load")));
}

TEST(LoadedText, SaysWhatWasNotSent) {
  auto conditions = sample();
  auto& idle = *conditions.loaded->runs[index(LoadPhase::idle)].value;
  idle.send_failed = 2;
  idle.skipped = 90;
  idle.violations = 1;
  EXPECT_THAT(check_text(conditions, {}, {.columns = 200}),
              HasSubstr("lost 0 of 500, not sent 2, skipped 90, impossible 1\n"));
}

TEST(LoadedJson, FiguresAndIncreaseByPhase) {
  const auto json = nlohmann::json::parse(check_json(sample(), {}));
  EXPECT_EQ(json["thresholds"]["increase_ns"], 5e6);
  const auto& loaded = json["loaded"];
  EXPECT_EQ(loaded["time_ns"], 5'000'000'000);
  EXPECT_EQ(loaded["items"]["idle"]["verdict"], "fine");
  EXPECT_TRUE(loaded["items"]["idle"]["figures"]["iperf3"].is_null());
  const auto& upload = loaded["items"]["upload"];
  EXPECT_EQ(upload["verdict"], "host issue");
  EXPECT_EQ(upload["figures"]["iperf3"]["received_bps"], 47.5e6);
  EXPECT_EQ(upload["figures"]["grew_most"]["host"], "sender");
  EXPECT_EQ(upload["figures"]["grew_most"]["p50_increase_ns"], 80 * ms - 2 * us);
  EXPECT_TRUE(loaded["items"]["download"]["figures"].is_null());
  EXPECT_EQ(loaded["views"]["app"]["upload"]["p50_increase_ns"], 90 * ms - 100 * us);
  EXPECT_TRUE(loaded["views"]["app"]["download"].is_null());
  EXPECT_TRUE(loaded["views"]["nic"]["idle"].is_null());
  ASSERT_EQ(loaded["segments"].size(), 4U);
  EXPECT_EQ(loaded["segments"][0]["key"], "segment.sender.tc_egress.sender.net_dev_start_xmit");
  EXPECT_EQ(loaded["segments"][0]["idle"]["p99_ns"], 4 * us);
  EXPECT_TRUE(nlohmann::json::parse(check_json(Conditions{}, {}))["loaded"].is_null());
}

TEST(Conditions, ProbesUnderLoadCountAsMeasured) {
  Conditions conditions;
  conditions.loaded.emplace();
  EXPECT_FALSE(conditions.measured_anything());
  conditions.loaded->runs[0].value = quiet();
  EXPECT_TRUE(conditions.measured_anything());
}

}  // namespace
}  // namespace netobs::conditions
