#include "core/compare/measurement.hpp"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "core/report/renderer.hpp"
#include "core/report/summary.hpp"
#include "unit/report/samples.hpp"

namespace netobs::compare {
namespace {

struct MadeRun {
  report::RunDocument document;
  std::string json;
};

MadeRun made_run(std::uint64_t probes) {
  stats::RunStatisticsConfig config;
  config.plan = stats::plan_of(test::all_software, test::all_software);
  stats::RunStatistics statistics(config);
  test::Shuffle shuffle;
  for (std::uint64_t i = 0; i < probes; ++i) {
    statistics.fold(test::scattered_record(i, shuffle, 5'000'000'000));
  }
  auto document = test::usual_document(statistics, config);
  auto json =
      report::render_json(report::assemble(document, statistics.ledger(), statistics.totals()), {});
  return {std::move(document), std::move(json)};
}

TEST(Measurement, OfADocumentAndOfItsJsonAreTheSame) {
  const MadeRun run = made_run(1'000);
  const auto stored = measurement_of(run.document);
  const auto read = parse_measurement(run.json, "run.json");
  ASSERT_TRUE(stored && read);
  EXPECT_EQ(stored->title, read->title);
  EXPECT_EQ(stored->context, read->context);
  ASSERT_EQ(stored->metrics.size(), read->metrics.size());
  for (std::size_t i = 0; i < stored->metrics.size(); ++i) {
    const Metric& a = stored->metrics[i];
    const Metric& b = read->metrics[i];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.label, b.label);
    EXPECT_EQ(a.place, b.place);
    EXPECT_EQ(a.kind, b.kind);
    EXPECT_EQ(a.statistic, b.statistic);
    EXPECT_EQ(a.values, b.values) << a.name;
  }
  EXPECT_EQ(stored->metrics.front().name, "rtt.app.p50");
  EXPECT_EQ(stored->metrics.front().values.size(), 10U);
  EXPECT_EQ(stored->metrics.back().name, "lost");
}

TEST(Measurement, TooShortARunHasNone) {
  const MadeRun run = made_run(50);
  EXPECT_FALSE(measurement_of(run.document));
  EXPECT_FALSE(parse_measurement(run.json, "run.json"));
}

TEST(Measurement, SeveralRunsGiveAValueEach) {
  const auto run = [](std::vector<std::optional<double>> values) {
    return Measurement{
        "run", "", {{"x", "x", "", Kind::duration, Statistic::whole, std::move(values)}}};
  };
  EXPECT_EQ(pooled({run({1.0, 9.0})}).metrics[0].values.size(), 2U);
  const auto all = pooled({run({1.0, 2.0, 9.0}), run({std::nullopt}), run({4.0})});
  EXPECT_EQ(all.metrics[0].values, (std::vector<std::optional<double>>{2.0, std::nullopt, 4.0}));
}

TEST(Measurement, OfGoogleBenchmark) {
  const auto found = parse_measurement(R"({"context": {}, "benchmarks": [
      {"name": "a", "run_name": "a", "run_type": "iteration", "real_time": 5, "cpu_time": 4, "time_unit": "us"},
      {"name": "b/real_time", "run_type": "iteration", "real_time": 7, "cpu_time": 1, "time_unit": "ns"},
      {"name": "a", "run_name": "a", "run_type": "iteration", "real_time": 5, "cpu_time": 6, "time_unit": "us"},
      {"name": "a_mean", "run_name": "a", "run_type": "aggregate", "real_time": 5, "cpu_time": 99, "time_unit": "us"},
      {"name": "odd", "run_type": "iteration", "real_time": 1, "cpu_time": 1, "time_unit": "days"}]})",
                                       "bench.json");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->metrics.size(), 3U);
  EXPECT_EQ(found->metrics[0].values, (std::vector<std::optional<double>>{4'000.0, 6'000.0}));
  EXPECT_EQ(found->metrics[1].values, (std::vector<std::optional<double>>{7.0}));
  EXPECT_TRUE(found->metrics[2].values.empty());
}

TEST(Measurement, HostileTextIsAnError) {
  for (const char* text :
       {"", "[]", "{", "{}", R"({"schema": "netobs.rtt/1"})", R"({"benchmarks": 3})",
        R"({"benchmarks": []})", R"({"schema": "netobs.rtt/1", "blocks": []})",
        R"({"schema": "netobs.rtt/1", "blocks": {"probes": -1, "lost": [1], "metrics": []}})",
        R"({"schema": "netobs.rtt/1", "blocks": {"probes": 1, "lost": {}, "metrics": []}})",
        R"({"schema": ["netobs.rtt/1"]})"}) {
    const auto found = parse_measurement(text, "x\x1b[2J");
    ASSERT_FALSE(found) << text;
    EXPECT_EQ(found.error().what.find('\x1b'), std::string::npos);
    EXPECT_FALSE(found.error().remedy.empty());
  }
}

TEST(Measurement, OddValuesHaveNoValue) {
  const auto found = parse_measurement(R"({"schema": "netobs.rtt/1", "run": {"id": 7, "count": "x"},
      "blocks": {"probes": 100, "lost": [1, -1, "a"], "metrics": [
        {"key": "rtt.app", "kind": "view", "label": "a\u001b[2J", "p50": [1, null, "x", 1e300, -5, {}]},
        17, {"p50": 3}]}})",
                                       "x");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->metrics[0].values,
            (std::vector<std::optional<double>>{1.0, std::nullopt, std::nullopt, std::nullopt, -5.0,
                                                std::nullopt}));
  EXPECT_EQ(found->metrics[0].label.find('\x1b'), std::string::npos);
}

TEST(Measurement, LongSeriesAreCut) {
  nlohmann::json json{{"benchmarks", nlohmann::json::array()}};
  for (std::size_t i = 0; i < Measurement::most_values + 10; ++i) {
    json["benchmarks"].push_back(
        {{"name", "a"}, {"run_type", "iteration"}, {"cpu_time", 1}, {"time_unit", "ns"}});
  }
  const auto found = parse_measurement(json.dump(), "x");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->metrics[0].values.size(), Measurement::most_values);
}

}  // namespace
}  // namespace netobs::compare
