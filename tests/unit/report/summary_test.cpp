#include "core/report/summary.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/report/notes.hpp"
#include "core/report/renderer.hpp"
#include "unit/report/samples.hpp"

namespace netobs::report {
namespace {

using nlohmann::json;
using test::all_software;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Compares with a file of tests/golden; NETOBS_UPDATE_GOLDEN=1 rewrites it instead.
void expect_golden(const std::string& text, const std::string& name) {
  const auto path = std::filesystem::path(__FILE__).parent_path() / "../../golden" / name;
  if (std::getenv("NETOBS_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(golden.str(), text) << "differs from " << name;
}

struct Measured {
  stats::RunStatisticsConfig config;
  stats::RunStatistics statistics;

  explicit Measured(const stats::RunStatisticsConfig& its_config)
      : config(its_config), statistics(its_config) {}
  [[nodiscard]] RunDocument document() const { return test::usual_document(statistics, config); }
  [[nodiscard]] Summary summary() const { return summary(document()); }
  [[nodiscard]] Summary summary(const RunDocument& document) const {
    return assemble(document, statistics.ledger(), statistics.totals());
  }
};

stats::RunStatisticsConfig software_config() {
  stats::RunStatisticsConfig config;
  config.plan = stats::plan_of(all_software, all_software);
  return config;
}

/// 14 220 ns, then 1600 ns more on the way out, then 14 220 ns but sent 50 us late.
Measured three_probes() {
  Measured run(software_config());
  auto slow = test::usual_intervals;
  slow[test::way_out] += 1'600;
  run.statistics.fold(test::make_record(0));
  run.statistics.fold(test::make_record(1, slow));
  auto sent_late = test::make_record(2);
  sent_late.send_error_ns = 50'000;
  run.statistics.fold(sent_late);
  return run;
}

Measured busy_run(std::uint64_t count = 10'000) {
  Measured run(software_config());
  test::Shuffle shuffle;
  for (std::uint64_t i = 0; i < count; ++i) {
    run.statistics.fold(test::scattered_record(i, shuffle, 5'000'000'000));
  }
  return run;
}

json contract(const Summary& summary) {
  return json::parse(render_json(summary, {}));
}

TEST(Json, ThreeProbesByHand) {
  const json out = contract(three_probes().summary());
  EXPECT_EQ(out["schema"], "netobs.rtt/1");
  EXPECT_EQ(out["run"]["started_at"], "2023-11-14T22:13:20.000000000Z");
  const json& app = out["rtt_ns"]["app"];
  EXPECT_EQ(app["count"], 3);
  EXPECT_EQ(app["min"], 14'220);
  EXPECT_EQ(app["p50"], 14'223);  // the middle of 14 208..14 239
  EXPECT_EQ(app["max"], 15'820);
  EXPECT_DOUBLE_EQ(app["mean"], 44'260.0 / 3);
  EXPECT_DOUBLE_EQ(app["stddev"], 754.2472332656507);
  for (const char* key : {"p90", "p99", "p99_9", "p99_99"}) EXPECT_TRUE(app[key].is_null()) << key;
  EXPECT_TRUE(app["confidence_95"]["p50"].is_null());
  EXPECT_EQ(out["rtt_ns"]["kernel"]["p50"], 8'007);  // 8000..8015
  EXPECT_EQ(out["rtt_ns"]["kernel"]["max"], 9'600);
  EXPECT_EQ(out["rtt_ns"]["tc"]["p50"], 8'660);  // 8640..8671, but not below the minimum
  EXPECT_TRUE(out["rtt_ns"]["nic"].is_null());
  EXPECT_EQ(out["net_rtt_ns"]["app"]["min"], 13'720);
  EXPECT_EQ(out["net_rtt_ns"]["kernel"]["max"], 2'900);
  EXPECT_EQ(out["net_rtt_ns"]["tc"]["min"], 2'610);
  EXPECT_EQ(out["rtt_intended_ns"]["p50"], 15'823);  // 15 808..15 839
  EXPECT_EQ(out["rtt_intended_ns"]["max"], 64'220);
  EXPECT_EQ(out["send_error_ns"]["p50"], 0);
  EXPECT_EQ(out["send_error_ns"]["max"], 50'000);
  EXPECT_EQ(out["ipdv_ns"]["round_trip"]["min"], -1'600);
  EXPECT_EQ(out["ipdv_ns"]["backward"]["max"], 0);
  EXPECT_EQ(out["pdv_ns"]["round_trip"]["min"], 0);
  EXPECT_EQ(out["pdv_ns"]["round_trip"]["max"], 1'600);
  EXPECT_DOUBLE_EQ(out["pdv_ns"]["forward"]["mean"], 1'600.0 / 3);
  EXPECT_EQ(out["jitter_ns"]["round_trip"], 193.75);
  EXPECT_EQ(out["jitter_ns"]["backward"], 0.0);
  EXPECT_EQ(out["violations"]["causal_order"], 0);
  EXPECT_EQ(out["violations"]["identity_checked"], 3);
  EXPECT_EQ(out["probes"]["sent"], 3);
  EXPECT_EQ(out["store"][0]["rows_written"], 10'000);
  EXPECT_EQ(out["environment"]["cpus"], 2);
}

TEST(Json, ThreeProbesSegments) {
  const json out = contract(three_probes().summary());
  const json& segments = out["segments"];
  ASSERT_EQ(segments.size(), 18U);
  // name, p50, mean: 18 segments, the network's as one. The means add up to the round trip's.
  const std::array<std::pair<const char*, double>, 18> expected{
      {{"syscall and stack", 2000},
       {"egress hooks", 100},
       {"qdisc", 300},
       {"driver", 200},
       {"network, both ways", 5'500.0 / 3},
       {"softirq and RPS", 150},
       {"IP and UDP", 400},
       {"wake-up", 3000},
       {"copy", 250},
       {"residence", 500},
       {"syscall and stack", 1800},
       {"egress hooks", 100},
       {"qdisc", 300},
       {"driver", 200},
       {"softirq and RPS", 160},
       {"IP and UDP", 420},
       {"wake-up", 2800},
       {"copy", 240}}};
  double share = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(segments[i]["name"], expected[i].first);
    EXPECT_DOUBLE_EQ(segments[i]["mean"], expected[i].second);
    EXPECT_EQ(segments[i]["count"], 3);
    share += segments[i]["share"].get<double>();
  }
  EXPECT_NEAR(share, 1, 1e-12);
  EXPECT_EQ(segments[4]["p50"], 1'301);  // 1300..1303
  EXPECT_EQ(segments[4]["max"], 2'900);
  EXPECT_EQ(segments[4]["from"], json({{"host", "sender"}, {"point", "tx_software"}}));
  EXPECT_EQ(segments[4]["to"], json({{"host", "sender"}, {"point", "rx_software"}}));
  EXPECT_EQ(segments[4]["less"]["to"], json({{"host", "reflector"}, {"point", "tx_software"}}));
  EXPECT_EQ(segments[9]["from"], json({{"host", "reflector"}, {"point", "app_rx"}}));
}

TEST(Json, PointsAccountForEverything) {
  Measured run(software_config());
  run.config.plan[slot(Host::sender, Point::tx_hardware)] = {Reason::unsupported, true};
  run.statistics = stats::RunStatistics(run.config);
  auto gap = test::make_record(0);
  gap.reason[slot(Host::sender, Point::tc_egress)] = Reason::lost_by_us;
  run.statistics.fold(gap);
  run.statistics.fold(test::make_lost(1));
  const json points = contract(run.summary())["points"];
  ASSERT_EQ(points.size(), slot_count);
  for (const json& row : points) {
    std::uint64_t missing = 0;
    for (const auto& count : row["missing"]) missing += count.get<std::uint64_t>();
    EXPECT_EQ(row["captured"].get<std::uint64_t>() + missing, row["requested"]) << row;
  }
  EXPECT_EQ(points[2]["point"], "tc_egress");
  EXPECT_EQ(points[2]["missing"], json({{"lost_by_us", 1}}));
  EXPECT_EQ(points[2]["coverage"], 0.5);
  EXPECT_EQ(points[8]["point"], "tx_hardware");
  EXPECT_EQ(points[8]["status"], "unsupported");
  EXPECT_EQ(points[8]["missing"], json({{"unsupported", 2}}));
  EXPECT_EQ(points[9]["status"], "not_requested");
  EXPECT_TRUE(points[9]["coverage"].is_null());
  EXPECT_EQ(points[11]["missing"], json({{"probe_lost", 1}}));
}

TEST(Summary, RebuiltFromStoredPartsIsTheSameByteForByte) {
  Measured run(software_config());
  run.config.interval_ns = 7'000'000;
  run.statistics = stats::RunStatistics(run.config);
  test::Shuffle shuffle;
  std::map<std::string, stats::Distribution> merged;
  const auto keep = [&](bool flush) {
    for (const stats::Rollup& each : run.statistics.take_finished_intervals(flush)) {
      const auto read = stats::Distribution::parse(each.distribution.serialise());
      ASSERT_TRUE(read);
      merged[each.metric].merge(*read);
    }
  };
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    run.statistics.fold(test::scattered_record(i, shuffle, 123));
    keep(false);
  }
  const RunDocument document = run.document();
  const Summary live = run.summary(document);
  keep(true);
  stats::PointLedger ledger;
  for (std::size_t i = 0; i < slot_count; ++i) ledger.at(i) = run.statistics.ledger().at(i);
  const auto restored = from_json(to_json(document));
  ASSERT_TRUE(restored);
  const Summary rebuilt = assemble(*restored, ledger, merged);
  for (const Renderer& renderer : renderer_table) {
    EXPECT_EQ(renderer.render(live, {}), renderer.render(rebuilt, {})) << renderer.name;
  }
}

TEST(Text, GoldenPages) {
  const Summary busy = busy_run().summary();
  expect_golden(render_text(busy, {}), "report_busy.txt");
  expect_golden(render_text(busy, {.colour = true, .utf8 = true, .columns = 100}),
                "report_busy_colour.txt");
  expect_golden(render_markdown(busy, {}), "report_busy.md");
  expect_golden(render_json(three_probes().summary(), {}), "report_three_probes.json");
  expect_golden(render_text(three_probes().summary(), {}), "report_three_probes.txt");
}

TEST(Text, FitsEightyColumnsWhateverTheClocks) {
  for (const auto kind :
       {stats::ClockRelation::Kind::unknown, stats::ClockRelation::Kind::synchronised,
        stats::ClockRelation::Kind::same_clock}) {
    Measured run(software_config());
    run.config.clocks = {kind, 12'345'678};
    run.statistics = stats::RunStatistics(run.config);
    test::Shuffle shuffle;
    for (std::uint64_t i = 0; i < 2'000; ++i) {
      run.statistics.fold(test::scattered_record(i, shuffle, 0));
    }
    std::istringstream lines(render_text(run.summary(), {}));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
  }
}

TEST(Text, OneWayCarriesItsBound) {
  Measured run(software_config());
  run.config.clocks = {stats::ClockRelation::Kind::synchronised, 1'200};
  run.statistics = stats::RunStatistics(run.config);
  run.statistics.fold(test::make_record(0, test::usual_intervals, 100));
  EXPECT_THAT(render_text(run.summary(), {}), HasSubstr("out +-1.20 us"));
  EXPECT_THAT(render_text(run.summary(), {.colour = false, .utf8 = true, .columns = 80}),
              HasSubstr("back \u00b11.20 us"));
  EXPECT_THAT(render_markdown(run.summary(), {}), HasSubstr("within +-1.20 us"));
  const json out = contract(run.summary());
  EXPECT_EQ(out["clocks"]["relation"], "synchronised");
  EXPECT_EQ(out["clocks"]["bound_ns"], 1'200);
  EXPECT_THAT(render_text(three_probes().summary(), {}), HasSubstr("out and back"));
  const json without_proof = contract(three_probes().summary());
  EXPECT_EQ(without_proof["clocks"]["relation"], "unknown");
  for (const json& segment : without_proof["segments"]) {
    EXPECT_NE(segment["kind"], "network_forward");
    EXPECT_NE(segment["kind"], "network_backward");
  }
}

TEST(Text, NothingMeasuredIsStillAReport) {
  Measured run(software_config());
  const std::string nothing = render_text(run.summary(), {});
  EXPECT_THAT(nothing, HasSubstr("sent 0"));
  EXPECT_THAT(nothing, Not(HasSubstr("nan")));
  for (std::uint64_t i = 0; i < 3; ++i) run.statistics.fold(test::make_lost(i));
  const std::string lost = render_text(run.summary(), {});
  EXPECT_THAT(lost, HasSubstr("answered 0 (0.00 %)   lost 3 (direction unknown 3)"));
  EXPECT_THAT(lost, HasSubstr("Is a reflector running there"));
  EXPECT_THAT(lost, HasSubstr("application      -- no probe was answered"));
  static_cast<void>(render_markdown(run.summary(), {}));
  EXPECT_TRUE(contract(run.summary())["rtt_ns"]["app"].is_null());
}

TEST(Text, EscapeSequencesDoNotReachTheTerminal) {
  auto run = three_probes();
  RunDocument document = run.document();
  document.run.target = "evil\x1b]0;title\x07";
  document.notes = {"\x1b[2J"};
  document.store[0].url = "\x9b";
  for (const Renderer& renderer : renderer_table) {
    const std::string out = renderer.render(run.summary(document), {});
    EXPECT_EQ(out.find('\x1b'), std::string::npos) << renderer.name;
    EXPECT_EQ(out.find('\x07'), std::string::npos) << renderer.name;
  }
}

TEST(Renderers, EveryRowRendersAndHasHelp) {
  const Summary summary = three_probes().summary();
  for (const Renderer& renderer : renderer_table) {
    EXPECT_FALSE(renderer.name.empty());
    EXPECT_FALSE(renderer.help.empty());
    const std::string out = renderer.render(summary, {});
    ASSERT_FALSE(out.empty());
    EXPECT_EQ(out.back(), '\n');
    EXPECT_EQ(out, renderer.render(summary, {}));
  }
}

std::vector<std::string> notes_for(const std::function<void(RunDocument&)>& change) {
  const Measured run = busy_run(1'500);
  RunDocument document = run.document();
  document.run.wait = document.run.reflector_wait = "spin";
  document.run.virtual_link = false;
  stats::RunStatistics quiet(run.config);  // sent on time, so nothing is to be said of it
  for (std::uint64_t i = 0; i < 1'500; ++i) quiet.fold(test::make_record(i));
  document.probes = quiet.probes();
  document.violations = quiet.violations();
  change(document);
  return assemble(document, quiet.ledger(), quiet.totals()).notes;
}

TEST(Notes, SilentWhenThereIsNothingToDo) {
  EXPECT_THAT(notes_for([](RunDocument&) {}), IsEmpty());
}

TEST(Notes, WakeUpNamesWhoWaits) {
  EXPECT_THAT(notes_for([](RunDocument& d) { d.run.wait = "block"; }),
              ElementsAre("20 % of the round trip is the time until the scheduler wakes the sender "
                          "up: the program's way of waiting, not the network. --wait spin removes "
                          "it, for one busy core each."));
  EXPECT_THAT(notes_for([](RunDocument& d) { d.run.reflector_wait = ""; }),
              ElementsAre(HasSubstr("--wait spin on the reflector")));
  EXPECT_THAT(notes_for([](RunDocument& d) { d.run.wait = d.run.reflector_wait = "hybrid"; }),
              ElementsAre(HasSubstr("41 % of the round trip is the time until the scheduler wakes "
                                    "both programs up")));
}

TEST(Notes, EachTroubleHasItsRemedy) {
  const auto one = [](const std::function<void(RunDocument&)>& change) {
    const auto notes = notes_for(change);
    return notes.size() == 1 ? notes[0] : "notes: " + std::to_string(notes.size());
  };
  EXPECT_THAT(one([](RunDocument& d) { d.run.virtual_link = true; }), HasSubstr("no wire"));
  EXPECT_THAT(one([](RunDocument& d) { d.probes.clock_stepped = 2; }),
              HasSubstr("clock stepped with 2 probes under way"));
  EXPECT_THAT(one([](RunDocument& d) { d.skipped = 3; }),
              HasSubstr("3 not at all: the round trip understates"));
  EXPECT_THAT(one([](RunDocument& d) { d.skipped = 3; }), HasSubstr("--cpu pins"));
  EXPECT_THAT(one([](RunDocument& d) { d.store = {{"mysql://u@h/d", 0, 7, 0}}; }),
              HasSubstr("7 rows for mysql://u@h/d wait on disk"));
  EXPECT_THAT(one([](RunDocument& d) { d.store = {{"mysql://u@h/d", 0, 7, 0}}; }),
              HasSubstr("netobs db flush"));
  EXPECT_THAT(one([](RunDocument& d) { d.store = {{"mysql://u@h/d", 0, 0, 1}}; }),
              HasSubstr("1 row did not reach"));
  EXPECT_THAT(one([](RunDocument& d) {
                d.probes.lost = 3;
                d.probes.lost_forward = 1;
                d.probes.lost_backward = 2;
              }),
              HasSubstr("1 never reached the reflector"));
  EXPECT_THAT(one([](RunDocument& d) { d.probes.received = 50; }),
              HasSubstr("Only 50 answers: too few for p99 and p99.9"));
  EXPECT_THAT(one([](RunDocument& d) {
                d.violations.causal_order = 1;
                d.violations.worst = stats::WorstViolation{{0, 1, 500}, 77};
              }),
              HasSubstr("sender tx_sched by 500 ns before sender app_tx (probe 77)"));
  EXPECT_THAT(one([](RunDocument& d) { d.violations.identity = 4; }),
              HasSubstr("In 4 records the segments do not add up"));
  EXPECT_EQ(one([](RunDocument& d) { d.notes = {"from the run"}; }), "from the run");
}

TEST(Notes, GapsAmongAnsweredProbesOnly) {
  Measured run(software_config());
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    auto record = i < 900 ? test::make_record(i) : test::make_lost(i);
    if (i < 9) record.reason[slot(Host::sender, Point::tc_ingress)] = Reason::lost_by_kernel;
    run.statistics.fold(record);
  }
  RunDocument document = run.document();
  document.run.wait = document.run.reflector_wait = "spin";
  const auto notes = run.summary(document).notes;
  EXPECT_THAT(
      notes,
      testing::Contains("1 timestamp point has gaps, most of all sender tc_ingress: 99.00 % of its "
                        "timestamps, mostly missing as lost_by_kernel. The kernel had no room for "
                        "them: a lower rate, or more net.core.rmem_max, helps."));
}

}  // namespace
}  // namespace netobs::report
