#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/run_config.hpp"
#include "core/conditions/conditions.hpp"
#include "core/report/run_document.hpp"
#include "core/stats/ledger.hpp"
#include "core/stats/run_statistics.hpp"
#include "store/rows.hpp"
#include "store/url.hpp"
#include "store/writer.hpp"

namespace netobs::app {

/// All stores of one run. Started before the run's thread changes its network namespace: a database
/// is reached from where the process lives.
class StoreSet {
 public:
  [[nodiscard]] static Result<StoreSet> open(std::span<const std::string> urls,
                                             const std::string& spool_directory,
                                             const store::StoreEnvironment& environment);

  /// The rest: one thread at a time.
  /// The run's row, anew each time. finished: it has ended, after its document's duration.
  void write_run(const report::RunDocument& document, std::int64_t run_id, bool finished);
  void add_probes(std::span<const ProbeRecord> records, std::int64_t run_id);
  /// The roll-ups, and the round trips among them in coarse buckets.
  void add_rollups(std::span<const stats::Rollup> rollups, std::int64_t run_id);
  void add_counts(std::span<const stats::IntervalCounts> counts, std::int64_t run_id);
  /// The whole run, by metric key.
  void add_metrics(const stats::Path& path,
                   const std::map<std::string, stats::Distribution>& totals, std::int64_t run_id);
  void add_ledger(const stats::PointLedger& ledger, std::int64_t run_id);
  void add_check(std::int64_t id, const conditions::Conditions& conditions,
                 const std::string& document);
  /// Waits until everything so far is in the stores or their spools; what became of the probe rows.
  [[nodiscard]] std::vector<report::StoreStatus> settle();
  /// What went wrong with each store so far, one message per store that failed.
  [[nodiscard]] std::vector<std::string> errors() const;
  /// The last call. Messages for the reader: rows of earlier runs that were sent meanwhile.
  [[nodiscard]] std::vector<std::string> finish();

 private:
  std::vector<std::unique_ptr<store::Writer>> writers_;
};

/// Environment variables the stores may use: read here, once, by the command.
[[nodiscard]] store::StoreEnvironment store_environment();

}  // namespace netobs::app
