#include "store/prune.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <optional>

#include "core/base/check.hpp"
#include "store/schema.hpp"

namespace netobs::store {
namespace {

/// The first probe row of a run.
struct Start {
  std::int64_t run_id = 0;
  std::int64_t sequence = 0;
};

/// Some rows of a run, in order.
struct Step {
  std::int64_t last = 0;              ///< the highest sequence among them
  std::optional<std::int64_t> young;  ///< the first of them that stays
};

Error unexpected_value(std::string_view store) {
  return {fmt::format("remove old rows from {}", store), EBADMSG,
          "A key of the table probes holds something that netobs never writes there.",
          "The database was changed by something else, or it is damaged: use a backup."};
}

class Pruning {
 public:
  Pruning(SqlAccess& sql, std::string store, const PruneOptions& options,
          const PruneProgress& progress)
      : sql_(sql), store_(std::move(store)), options_(options), progress_(progress) {}

  Result<PruneReport> run() {
    std::optional<std::int64_t> done;
    while (!report_.interrupted) {
      NETOBS_TRY(start, next_run(done));
      if (!start) break;
      NETOBS_TRY_VOID(prune_run(*start));
      done = start->run_id;
    }
    return report_;
  }

 private:
  /// One look into the index per run that has rows left, however many runs the store remembers.
  Result<std::optional<Start>> next_run(std::optional<std::int64_t> after) {
    const auto where = after ? fmt::format(" WHERE `run_id`>{}", *after) : std::string();
    NETOBS_TRY(row, sql_.first_row(fmt::format("SELECT `run_id`,`sequence` FROM `{}`{} ORDER BY "
                                               "`run_id`,`sequence` LIMIT 1",
                                               probes_table().name, where)));
    if (row.empty()) return std::nullopt;
    if (!row[0] || !row[1]) return fail(unexpected_value(store_));
    return Start{*row[0], *row[1]};
  }

  Result<std::optional<Step>> look(const Start& from) {
    NETOBS_TRY(row,
               sql_.first_row(fmt::format(
                   "SELECT MAX(`sequence`),MIN(CASE WHEN `intended_ns`>={} THEN `sequence` END) "
                   "FROM (SELECT `sequence`,`intended_ns` FROM `{}` WHERE `run_id`={} AND "
                   "`sequence`>={} ORDER BY `sequence` LIMIT {}) AS `part`",
                   options_.before_ns, probes_table().name, from.run_id, from.sequence,
                   options_.batch_rows)));
    if (row.empty() || !row[0]) return std::nullopt;
    return Step{*row[0], row[1]};
  }

  Result<void> prune_run(Start from) {
    run_counted_ = false;
    while (!report_.interrupted) {
      NETOBS_TRY(step, look(from));
      if (!step) break;
      const std::int64_t end = step->young ? *step->young - 1 : step->last;
      if (end >= from.sequence) NETOBS_TRY_VOID(remove(from, end));
      if (step->young) {
        if (run_counted_) ++report_.runs_in_part;
        break;
      }
      if (step->last == INT64_MAX) break;
      from.sequence = step->last + 1;
    }
    return {};
  }

  /// The rows from `from` up to sequence `last`.
  Result<void> remove(const Start& from, std::int64_t last) {
    // The time stands in the condition too: a row that came in meanwhile is judged by its own.
    const auto rows = fmt::format(
        "FROM `{}` WHERE `run_id`={} AND `sequence`>={} AND `sequence`<={} AND `intended_ns`<{}",
        probes_table().name, from.run_id, from.sequence, last, options_.before_ns);
    NETOBS_TRY(count, options_.dry_run ? count_rows(rows) : sql_.change("DELETE " + rows));
    ++report_.batches;
    report_.rows += count;
    if (count > 0 && !run_counted_) {
      run_counted_ = true;
      ++report_.runs;
    }
    report_.interrupted = !progress_(report_);
    return {};
  }

  Result<std::uint64_t> count_rows(const std::string& rows) {
    NETOBS_TRY(row, sql_.first_row("SELECT COUNT(*) " + rows));
    if (row.empty() || !row[0]) return fail(unexpected_value(store_));
    return static_cast<std::uint64_t>(*row[0]);
  }

  SqlAccess& sql_;
  std::string store_;
  PruneOptions options_;
  const PruneProgress& progress_;
  PruneReport report_;
  bool run_counted_ = false;  // the run at hand is in report_.runs
};

}  // namespace

Result<PruneReport> prune_probes(Store& store, const PruneOptions& options,
                                 const PruneProgress& progress) {
  NETOBS_CHECK(options.batch_rows > 0, "batch_rows {}", options.batch_rows);
  SqlAccess* sql = store.sql();
  if (sql == nullptr) {
    return fail({fmt::format("remove old rows from {}", store.description()), ENOTSUP,
                 "A file of JSON lines is only ever added to.",
                 "Write to a new file from time to time and delete old ones, or keep rows in "
                 "SQLite or MySQL."});
  }
  return Pruning(*sql, store.description(), options, progress).run();
}

}  // namespace netobs::store
