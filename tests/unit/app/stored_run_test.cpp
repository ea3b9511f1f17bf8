#include "app/stored_run.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "app/store_set.hpp"
#include "core/report/renderer.hpp"
#include "store/open.hpp"
#include "unit/report/samples.hpp"
#include "unit/store/sample.hpp"

namespace netobs::app {
namespace {

using testing::HasSubstr;

constexpr std::int64_t run_id = 0x7f3a9c0e12ab34cd;

/// A run of a thousand probes in a store at `path`.
void store_run(const std::string& path, const std::string& spool) {
  stats::RunStatisticsConfig config;
  config.plan = stats::plan_of(test::all_software, test::all_software);
  stats::RunStatistics statistics(config);
  test::Shuffle shuffle;
  std::vector<ProbeRecord> records;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    records.push_back(test::scattered_record(i, shuffle, 123));
    statistics.fold(records.back());
  }
  const std::vector<std::string> urls{path};
  auto stores = StoreSet::open(urls, spool, {}).value();
  stores.add_probes(records, run_id);
  stores.add_rollups(statistics.take_finished_intervals(true), run_id);
  stores.add_ledger(statistics.ledger(), run_id);
  stores.write_run(test::usual_document(statistics, config), run_id, true);
  EXPECT_THAT(stores.finish(), testing::IsEmpty());
}

/// Takes away what a program of schema version 1 did not write.
void make_version_1(const std::string& path) {
  const auto store = store::open_store(store::parse_url(path, {}).value(), {}).value();
  for (const auto* point : {"xdp_rx", "xdp_tx", "tx_completion"}) {
    for (const auto* host : {"sender", "reflector"}) {
      ASSERT_TRUE(store->sql()->change(
          fmt::format("ALTER TABLE `probes` DROP COLUMN `{}_{}`", host, point)));
    }
    ASSERT_EQ(store->sql()
                  ->change(fmt::format("DELETE FROM `run_points` WHERE `point`='{}'", point))
                  .value(),
              6U);
  }
  ASSERT_TRUE(store->sql()->change("UPDATE netobs_schema SET version=1"));
}

std::string report_of(const std::string& path, bool from_rows, bool read_only,
                      decltype(report::Renderer::render) render) {
  const auto store =
      store::open_store(store::parse_url(path, {}).value(), {.read_only = read_only}).value();
  const auto summary = from_rows ? recompute_summary(*store, "last") : load_summary(*store, "last");
  EXPECT_TRUE(summary) << summary.error().message();
  return summary ? render(*summary, {}) : "";
}

TEST(StoredRun, ARunOfVersion1IsReportedFromRowsAndRollUpsAlike) {
  const store::TempFolder folder;
  const auto path = folder / "old.db";
  store_run(path, folder / "spool");
  const auto fresh = report_of(path, false, true, report::render_text);
  make_version_1(path);
  std::string first;
  for (const bool read_only : {true, false}) {
    for (const auto& renderer : report::renderer_table) {
      const auto plain = report_of(path, false, read_only, renderer.render);
      EXPECT_EQ(plain, report_of(path, true, read_only, renderer.render)) << renderer.name;
      EXPECT_GT(plain.size(), 1'000U);
      if (read_only) first += plain;
    }
  }
  // Upgraded by now, which changes no report.
  std::string upgraded;
  for (const auto& renderer : report::renderer_table) {
    upgraded += report_of(path, true, true, renderer.render);
  }
  EXPECT_EQ(upgraded, first);
  EXPECT_EQ(report_of(path, false, true, report::render_text), fresh);
  EXPECT_THAT(first, HasSubstr("\"point\": \"xdp_rx\",\n      \"status\": \"not_requested\""));
}

/// Minimum and maximum of the application's round trip over all columns.
std::pair<std::int64_t, std::int64_t> extremes(const report::Series& series) {
  std::pair<std::int64_t, std::int64_t> found{INT64_MAX, INT64_MIN};
  for (const auto& column : series.columns) {
    if (!column.rtt[0]) continue;
    found.first = std::min(found.first, column.rtt[0]->min_ns);
    found.second = std::max(found.second, column.rtt[0]->max_ns);
  }
  return found;
}

TEST(StoredRun, ThePageHasTheReportAndEveryProbeFromRowsOrElseFromRollUps) {
  const store::TempFolder folder;
  const auto path = folder / "run.db";
  store_run(path, folder / "spool");
  const auto store = store::open_store(store::parse_url(path, {}).value(), {}).value();
  const auto text = report::render_json(load_summary(*store, "last").value(), {});

  const auto full = load_page(*store, "last").value();
  const auto& app = full.summary.rtt[0].value();
  EXPECT_EQ(report::render_json(full.summary, {}), text);
  EXPECT_EQ(full.series.source, report::Series::Source::rows);
  EXPECT_EQ(full.series.columns.size(), 500U);  // 1000 probes, at most 720 columns
  EXPECT_EQ(extremes(full.series), std::pair(app.min, app.max));
  EXPECT_EQ(full.shapes[0].curve.back().ns, app.max);
  EXPECT_TRUE(full.shapes[3].curve.empty());

  ASSERT_EQ(store->sql()->change("DELETE FROM `probes` WHERE `sequence`<7").value(), 7U);
  const auto pruned = load_page(*store, "last").value();
  EXPECT_EQ(report::render_json(pruned.summary, {}), text);
  EXPECT_EQ(pruned.series.source, report::Series::Source::rollups);
  EXPECT_EQ(extremes(pruned.series), std::pair(app.min, app.max));
}

}  // namespace
}  // namespace netobs::app
