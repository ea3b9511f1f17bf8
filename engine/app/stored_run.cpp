#include "app/stored_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <span>
#include <utility>

#include "core/report/page/series.hpp"
#include "core/stats/run_statistics.hpp"
#include "store/schema.hpp"

namespace netobs::app {
namespace {

constexpr std::string_view plan_prefix = "plan:";

Result<report::RunDocument> document_of(const store::RunRow& run) {
  if (!run.finished_at_ns) {
    return fail({.what = fmt::format("run {} has no summary", store::run_id_text(run.run_id)),
                 .cause = "It is still going on, or the process was killed before its end.",
                 .remedy = "Its probes are in the table `probes`."});
  }
  return report::from_json(run.document);
}

Result<stats::PointLedger> ledger_of(store::Store& store, std::int64_t run_id) {
  NETOBS_TRY(counts, store.load_points(run_id));
  stats::PointLedger ledger;
  for (const auto& row : counts) {
    auto& account = ledger.at(slot(row.host, row.point));
    if (row.reason.starts_with(plan_prefix)) {
      const auto plan = reason_from_name(std::string_view(row.reason).substr(plan_prefix.size()));
      if (plan) account.plan = *plan;
    } else if (row.reason == "requested") {
      account.requested = row.count;
    } else if (const auto reason = reason_from_name(row.reason)) {
      if (*reason == Reason::captured) {
        account.captured = row.count;
      } else {
        account.missing[static_cast<std::size_t>(*reason)] = row.count;
      }
    }
  }
  return ledger;
}

using RollupSink = std::function<void(const store::RollupRow&, const stats::Distribution&)>;

/// Roll-ups metric by metric, each by rising time; memory does not grow with the run.
Result<void> scan_rollups(store::Store& store, std::int64_t run_id, const RollupSink& sink) {
  const store::Table& table = store::rollups_table();
  return store.scan(table, run_id, [&](const store::Batch& batch) -> Result<void> {
    const std::size_t width = table.columns.size();
    for (std::size_t i = 0; i < batch.cells.size(); i += width) {
      NETOBS_TRY(row, store::rollup_from(std::span(batch.cells).subspan(i, width)));
      NETOBS_TRY(part, stats::Distribution::parse(row.distribution));
      sink(row, part);
    }
    return {};
  });
}

std::uint64_t rows_expected(const report::RunDocument& document) {
  return document.probes.sent + document.probes.send_failed;
}

/// Figures of the rows that are left would pass for figures of the run.
Error rows_are_missing(const report::RunDocument& document, std::uint64_t count) {
  std::uint64_t waiting = 0;
  std::uint64_t lost = 0;
  for (const auto& store : document.store) {
    waiting = std::max(waiting, store.rows_spilled);
    lost = std::max(lost, store.rows_lost);
  }
  std::string cause = "The others have expired (netobs db prune).";
  if (lost > 0) cause = fmt::format("{} never reached a store; others may have expired.", lost);
  if (waiting > 0) {
    cause = fmt::format(
        "{} waited in the spool at the end (netobs db flush); others may have expired.", waiting);
  }
  return {.what = fmt::format("recompute run {}: {} of the {} rows of its probes are left",
                              document.run.id, count, rows_expected(document)),
          .cause = std::move(cause),
          .remedy = "The report without --from-rows needs none of them."};
}

/// What a store knows of a run beside its roll-ups and rows.
struct StoredRun {
  std::int64_t run_id = 0;
  report::RunDocument document;
  stats::PointLedger ledger;
};

Result<StoredRun> find(store::Store& store, std::string_view which) {
  NETOBS_TRY(run, store.find_run(which));
  NETOBS_TRY(document, document_of(run));
  NETOBS_TRY(ledger, ledger_of(store, run.run_id));
  return StoredRun{run.run_id, std::move(document), ledger};
}

Result<void> scan_counts(store::Store& store, std::int64_t run_id, report::RollupSeries& series) {
  const store::Table& table = store::interval_counts_table();
  return store.scan(table, run_id, [&](const store::Batch& batch) -> Result<void> {
    const std::size_t width = table.columns.size();
    for (std::size_t i = 0; i < batch.cells.size(); i += width) {
      NETOBS_TRY(row, store::count_from(std::span(batch.cells).subspan(i, width)));
      series.add_count(row.name, row.interval_start_ns, row.count);
    }
    return {};
  });
}

/// From the rows while they are all there, else from the roll-ups.
Result<report::Series> series_of(store::Store& store, const StoredRun& run,
                                 report::RollupSeries& rollups) {
  report::RowSeries series(rows_expected(run.document), run.document.run.started_ns);
  NETOBS_TRY(count, store.scan_probes(run.run_id, [&](std::span<const ProbeRecord> records) {
    for (const auto& record : records) series.add(record);
    return Result<void>{};
  }));
  if (count > 0 && count >= rows_expected(run.document)) return series.take();
  NETOBS_TRY_VOID(scan_counts(store, run.run_id, rollups));
  return rollups.take();
}

}  // namespace

Result<report::Summary> load_summary(store::Store& store, std::string_view which) {
  NETOBS_TRY(run, find(store, which));
  std::map<std::string, stats::Distribution> distributions;
  NETOBS_TRY_VOID(scan_rollups(store, run.run_id, [&](const auto& row, const auto& part) {
    distributions[row.metric].merge(part);
  }));
  return report::assemble(run.document, run.ledger, distributions);
}

Result<report::PageData> load_page(store::Store& store, std::string_view which) {
  NETOBS_TRY(run, find(store, which));
  const report::RunDocument& document = run.document;
  report::RollupSeries rollups(document.run.started_ns, document.run.duration_ns,
                               document.interval_ns);
  std::map<std::string, stats::Distribution> distributions;
  NETOBS_TRY_VOID(scan_rollups(store, run.run_id, [&](const auto& row, const auto& part) {
    distributions[row.metric].merge(part);
    rollups.add(row.metric, row.interval_start_ns, part);
  }));
  report::PageData page{report::assemble(document, run.ledger, distributions), {}, {}};
  for (std::size_t i = 0; i < stats::view_table.size(); ++i) {
    const auto found = distributions.find(fmt::format("rtt.{}", stats::view_table[i].name));
    if (found != distributions.end()) page.shapes[i] = report::shape_of(found->second);
  }
  NETOBS_TRY(series, series_of(store, run, rollups));
  page.series = std::move(series);
  return page;
}

Result<report::Summary> recompute_summary(store::Store& store, std::string_view which) {
  NETOBS_TRY(run, find(store, which));
  const report::RunDocument& document = run.document;
  stats::RunStatisticsConfig config;
  config.plan = stats::plan_of(document.path.active[index(Host::sender)],
                               document.path.active[index(Host::reflector)]);
  config.clocks = document.path.clocks;
  for (std::size_t host = 0; host < host_count; ++host) {
    config.nic_converted[host] = document.path.nic[host].converted;
  }
  config.interval_ns = 0;
  stats::RunStatistics statistics(config);
  NETOBS_TRY(count, store.scan_probes(run.run_id, [&](std::span<const ProbeRecord> records) {
    for (const auto& record : records) statistics.fold(record);
    return Result<void>{};
  }));
  if (count < rows_expected(document)) return fail(rows_are_missing(document, count));
  return report::assemble(document, run.ledger, statistics.totals());
}

}  // namespace netobs::app
