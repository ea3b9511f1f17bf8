#include "app/stored_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/stats/run_statistics.hpp"

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

Result<std::map<std::string, stats::Distribution>> distributions_of(store::Store& store,
                                                                    std::int64_t run_id) {
  NETOBS_TRY(rows, store.load_rollups(run_id));
  std::map<std::string, stats::Distribution> distributions;
  for (const auto& row : rows) {
    NETOBS_TRY(part, stats::Distribution::parse(row.distribution));
    distributions[row.metric].merge(part);
  }
  return distributions;
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
                              document.run.id, count,
                              document.probes.sent + document.probes.send_failed),
          .cause = std::move(cause),
          .remedy = "The report without --from-rows needs none of them."};
}

}  // namespace

Result<report::Summary> load_summary(store::Store& store, std::string_view which) {
  NETOBS_TRY(run, store.find_run(which));
  NETOBS_TRY(document, document_of(run));
  NETOBS_TRY(ledger, ledger_of(store, run.run_id));
  NETOBS_TRY(distributions, distributions_of(store, run.run_id));
  return report::assemble(document, ledger, distributions);
}

Result<report::Summary> recompute_summary(store::Store& store, std::string_view which) {
  NETOBS_TRY(run, store.find_run(which));
  NETOBS_TRY(document, document_of(run));
  NETOBS_TRY(ledger, ledger_of(store, run.run_id));
  stats::RunStatisticsConfig config;
  config.plan = stats::plan_of(document.path.active[index(Host::sender)],
                               document.path.active[index(Host::reflector)]);
  config.clocks = document.path.clocks;
  config.nic_clock_mapped = document.path.nic_clock_mapped;
  config.interval_ns = 0;
  stats::RunStatistics statistics(config);
  NETOBS_TRY(count, store.scan_probes(run.run_id, [&](std::span<const ProbeRecord> records) {
    for (const auto& record : records) statistics.fold(record);
    return Result<void>{};
  }));
  const auto& probes = document.probes;
  if (count < probes.sent + probes.send_failed) return fail(rows_are_missing(document, count));
  return report::assemble(document, ledger, statistics.totals());
}

}  // namespace netobs::app
