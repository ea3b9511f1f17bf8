#include "app/store_set.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "store/conditions_row.hpp"

namespace netobs::app {
namespace {

store::RollupRow to_row(const stats::Rollup& rollup) {
  const auto& values = rollup.distribution;
  store::RollupRow row;
  row.metric = rollup.metric;
  row.interval_start_ns = rollup.interval_start_ns;
  row.count = values.count();
  row.min_ns = values.min().value_or(0);
  row.max_ns = values.max().value_or(0);
  row.mean_ns = values.mean().value_or(0);
  row.p50_ns = values.quantile(stats::p50);
  row.p90_ns = values.quantile(stats::p90);
  row.p99_ns = values.quantile(stats::p99);
  row.p99_9_ns = values.quantile(stats::p99_9);
  row.distribution = values.serialise();
  return row;
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

void StoreSet::write_run(const store::RunRow& run) {
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
