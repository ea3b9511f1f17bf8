#include "app/store_set.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "core/stats/coarse_buckets.hpp"
#include "core/stats/metric_list.hpp"
#include "store/conditions_row.hpp"

namespace netobs::app {
namespace {

template <class Row>
void set_figures(Row& row, const stats::Distribution& values) {
  row.count = values.count();
  row.min_ns = values.min().value_or(0);
  row.max_ns = values.max().value_or(0);
  row.mean_ns = values.mean().value_or(0);
  row.p50_ns = values.quantile(stats::p50);
  row.p90_ns = values.quantile(stats::p90);
  row.p99_ns = values.quantile(stats::p99);
  row.p99_9_ns = values.quantile(stats::p99_9);
}

store::RollupRow to_row(const stats::Rollup& rollup) {
  store::RollupRow row;
  row.metric = rollup.metric;
  row.interval_start_ns = rollup.interval_start_ns;
  set_figures(row, rollup.distribution);
  row.distribution = rollup.distribution.serialise();
  return row;
}

std::vector<store::BucketRow> to_bucket_rows(std::span<const stats::Rollup> rollups) {
  std::vector<store::BucketRow> rows;
  for (const auto& rollup : rollups) {
    if (!rollup.metric.starts_with("rtt.")) continue;
    for (const auto& bucket : stats::coarse_buckets(rollup.distribution.histogram())) {
      rows.push_back(
          {rollup.metric, rollup.interval_start_ns, bucket.low, bucket.high, bucket.count});
    }
  }
  return rows;
}

std::vector<store::CountRow> to_count_rows(std::span<const stats::IntervalCounts> counts) {
  std::vector<store::CountRow> rows;
  for (const auto& interval : counts) {
    for (std::size_t i = 0; i < stats::count_names.size(); ++i) {
      if (i >= stats::plain_count_names && interval.values[i] == 0) continue;
      rows.push_back(
          {interval.interval_start_ns, std::string(stats::count_names[i]), interval.values[i]});
    }
  }
  return rows;
}

std::vector<store::RunMetricRow> to_metric_rows(
    const stats::Path& path, const std::map<std::string, stats::Distribution>& totals) {
  std::vector<store::RunMetricRow> rows;
  for (auto& metric : stats::metric_list(path)) {
    const auto found = totals.find(metric.key);
    if (found == totals.end()) continue;
    store::RunMetricRow row;
    row.metric = metric.key;
    row.kind = metric.kind;
    row.position = metric.position;
    row.label = metric.label;
    row.host = metric.host;
    set_figures(row, found->second);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<store::PointCount> to_counts(const stats::PointLedger& ledger) {
  std::vector<store::PointCount> counts;
  for (std::size_t i = 0; i < slot_count; ++i) {
    const auto& account = ledger.at(i);
    const auto add = [&](std::string_view reason, std::uint64_t count) {
      counts.push_back({slot_host(i), slot_point(i), std::string(reason), count});
    };
    // "plan:<reason>" keeps why a point was off for the whole run; its count says nothing.
    add(fmt::format("plan:{}", name(account.plan)), 0);
    add("requested", account.requested);
    add(name(Reason::captured), account.captured);
    for (std::size_t reason = 0; reason < reason_count; ++reason) {
      if (account.missing[reason] != 0)
        add(name(static_cast<Reason>(reason)), account.missing[reason]);
    }
  }
  return counts;
}

}  // namespace

Result<StoreSet> StoreSet::open(std::span<const std::string> urls,
                                const std::string& spool_directory,
                                const store::StoreEnvironment& environment) {
  StoreSet set;
  for (const auto& text : urls) {
    NETOBS_TRY(url, store::parse_url(text, environment));
    store::WriterOptions options;
    options.spool_directory = spool_directory;
    NETOBS_TRY(writer, store::Writer::start(url, store::OpenOptions{}, options));
    set.writers_.push_back(std::move(writer));
  }
  return set;
}

void StoreSet::write_run(const report::RunDocument& document, std::int64_t run_id, bool finished) {
  store::RunRow run;
  run.run_id = run_id;
  run.started_at_ns = document.run.started_ns;
  if (finished) run.finished_at_ns = document.run.started_ns + document.run.duration_ns;
  run.target = document.run.target;
  run.transport = document.run.transport;
  run.schedule = document.run.schedule;
  run.sent = document.probes.sent;
  run.received = document.probes.received;
  run.lost = document.probes.lost;
  run.document = report::to_json(document);
  for (const auto& writer : writers_) writer->add_rows(store::to_rows(run));
}

void StoreSet::add_probes(std::span<const ProbeRecord> records, std::int64_t run_id) {
  for (const auto& writer : writers_) writer->add_probes(records, run_id);
}

void StoreSet::add_rollups(std::span<const stats::Rollup> rollups, std::int64_t run_id) {
  if (rollups.empty() || writers_.empty()) return;
  std::vector<store::RollupRow> rows;
  rows.reserve(rollups.size());
  for (const auto& rollup : rollups) rows.push_back(to_row(rollup));
  const auto buckets = to_bucket_rows(rollups);
  for (const auto& writer : writers_) {
    writer->add_rows(store::to_rows(run_id, rows));
    if (!buckets.empty()) writer->add_rows(store::to_rows(run_id, buckets));
  }
}

void StoreSet::add_counts(std::span<const stats::IntervalCounts> counts, std::int64_t run_id) {
  if (counts.empty()) return;
  const auto rows = to_count_rows(counts);
  for (const auto& writer : writers_) writer->add_rows(store::to_rows(run_id, rows));
}

void StoreSet::add_metrics(const stats::Path& path,
                           const std::map<std::string, stats::Distribution>& totals,
                           std::int64_t run_id) {
  const auto rows = to_metric_rows(path, totals);
  if (rows.empty()) return;
  for (const auto& writer : writers_) writer->add_rows(store::to_rows(run_id, rows));
}

void StoreSet::add_ledger(const stats::PointLedger& ledger, std::int64_t run_id) {
  const auto counts = to_counts(ledger);
  for (const auto& writer : writers_) writer->add_rows(store::to_rows(run_id, counts));
}

void StoreSet::add_check(std::int64_t id, const conditions::Conditions& conditions,
                         const std::string& document) {
  for (const auto& writer : writers_) {
    writer->add_rows(store::to_rows(id, conditions, document));
  }
}

std::vector<report::StoreStatus> StoreSet::settle() {
  std::vector<report::StoreStatus> states;
  for (const auto& writer : writers_) {
    const auto counters = writer->settle();
    states.push_back(
        {writer->destination(), counters.rows_written, counters.rows_spilled, counters.rows_lost});
  }
  return states;
}

std::vector<std::string> StoreSet::finish() {
  std::vector<std::string> messages;
  for (const auto& writer : writers_) {
    const auto counters = writer->finish();
    if (counters.rows_recovered > 0) {
      messages.push_back(fmt::format("{}: {} rows of earlier runs were sent from the spool",
                                     writer->destination(), counters.rows_recovered));
    }
  }
  return messages;
}

std::vector<std::string> StoreSet::errors() const {
  std::vector<std::string> messages;
  for (const auto& writer : writers_) {
    const auto counters = writer->counters();
    if (!counters.last_error.empty()) {
      messages.push_back(fmt::format("{}: {}", writer->destination(), counters.last_error));
    }
  }
  return messages;
}

store::StoreEnvironment store_environment() {
  store::StoreEnvironment environment;
  if (const char* password = std::getenv("NETOBS_MYSQL_PASSWORD")) {
    environment.mysql_password = password;
  }
  return environment;
}

}  // namespace netobs::app
