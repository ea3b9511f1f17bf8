#include "store/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/base/check.hpp"
#include "store/schema.hpp"

namespace netobs::store {
namespace {

constexpr std::array transient_errnos{
    EAGAIN,       EBUSY,        EINTR,     EIO,   ENOSPC,      EFBIG,        EDQUOT,   ECONNRESET,
    ECONNREFUSED, ECONNABORTED, ETIMEDOUT, EPIPE, ENETUNREACH, EHOSTUNREACH, ENETDOWN, ENOMEM};

bool fits(const Cell& cell, const Column& column) {
  switch (cell.kind) {
    case Cell::Kind::null:
      return column.nullable;
    case Cell::Kind::integer:
      return column.type == Type::integer;
    case Cell::Kind::real:
      return column.type == Type::real;
    case Cell::Kind::text:
      return column.type == Type::text && (column.width == 0 || cell.bytes.size() <= column.width);
    case Cell::Kind::blob:
      return column.type == Type::blob;
  }
  return false;
}

Result<void> check_batch(const Batch& batch) {
  const auto& columns = batch.table->columns;
  NETOBS_CHECK(batch.cells.size() % columns.size() == 0, "{} cells for {} columns",
               batch.cells.size(), columns.size());
  for (std::size_t start = 0; start < batch.cells.size(); start += columns.size()) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (fits(batch.cells[start + i], columns[i])) continue;
      return fail({fmt::format("write table {}", batch.table->name),
                   EINVAL,
                   fmt::format("A value does not fit the column {} (text of at most {} bytes).",
                               columns[i].name, columns[i].width),
                   {}});
    }
  }
  return {};
}

/// Keeps the newest `limit` runs of a stream in any order.
class NewestRuns {
 public:
  explicit NewestRuns(std::size_t limit) : limit_(limit) {}
  void add(RunRow run) {
    runs_.push_back(std::move(run));
    if (runs_.size() >= 2 * limit_ + 64) trim();
  }
  std::vector<RunRow> take() {
    trim();
    return std::move(runs_);
  }

 private:
  void trim() {
    std::ranges::sort(runs_, [](const RunRow& a, const RunRow& b) {
      return a.started_at_ns != b.started_at_ns ? a.started_at_ns > b.started_at_ns
                                                : a.run_id < b.run_id;
    });
    if (runs_.size() > limit_) runs_.resize(limit_);
  }
  std::size_t limit_;
  std::vector<RunRow> runs_;
};

template <class Row, class Convert>
Result<std::vector<Row>> load(Store& store, const Table& table, std::int64_t run_id,
                              Convert convert) {
  std::vector<Row> rows;
  NETOBS_TRY_VOID(store.scan(table, run_id, [&](const Batch& batch) -> Result<void> {
    const std::size_t width = table.columns.size();
    for (std::size_t i = 0; i < batch.cells.size(); i += width) {
      NETOBS_TRY(row, convert(std::span(batch.cells).subspan(i, width)));
      rows.push_back(std::move(row));
    }
    return {};
  }));
  return rows;
}

Error no_such_run(std::string_view which, std::string_view store) {
  return {fmt::format("find run {} in {}", which.substr(0, 32), store), ENOENT,
          "The store holds no such run.", "See which it holds: netobs runs.", ExitCode::usage};
}

Result<std::string> run_prefix(std::string_view which) {
  std::string prefix;
  for (const char c : which) {
    const bool upper = c >= 'A' && c <= 'F';
    if (!upper && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) break;
    prefix.push_back(upper ? static_cast<char>(c - 'A' + 'a') : c);
  }
  if (prefix.empty() || prefix.size() != which.size() || prefix.size() > 16) {
    return fail({fmt::format("find run {}", which.substr(0, 32)), EINVAL,
                 "A run is named by the first of its 16 hex digits, or by the word last.",
                 "See the ids with: netobs runs.", ExitCode::usage});
  }
  return prefix;
}

}  // namespace

bool is_transient(const Error& error) {
  return std::ranges::find(transient_errnos, error.sys_errno) != transient_errnos.end();
}

std::int64_t Store::version() const {
  return schema_version;
}

Result<void> Store::write(const Batch& batch) {
  NETOBS_TRY_VOID(check_batch(batch));
  if (batch.cells.empty()) return {};
  return do_write(batch);
}

Result<std::vector<RunRow>> Store::list_runs(std::size_t limit) {
  NewestRuns newest(limit);
  NETOBS_TRY_VOID(scan(runs_table(), std::nullopt, [&](const Batch& batch) -> Result<void> {
    const std::size_t width = runs_table().columns.size();
    for (std::size_t i = 0; i < batch.cells.size(); i += width) {
      NETOBS_TRY(run, run_from(std::span(batch.cells).subspan(i, width)));
      newest.add(std::move(run));
    }
    return {};
  }));
  return newest.take();
}

Result<RunRow> Store::find_run(std::string_view which) {
  if (which == "last") {
    NETOBS_TRY(runs, list_runs(1));
    if (runs.empty()) return fail(no_such_run(which, description()));
    return std::move(runs.front());
  }
  NETOBS_TRY(prefix, run_prefix(which));
  std::optional<RunRow> found;
  NETOBS_TRY_VOID(scan(runs_table(), std::nullopt, [&](const Batch& batch) -> Result<void> {
    const std::size_t width = runs_table().columns.size();
    for (std::size_t i = 0; i < batch.cells.size(); i += width) {
      if (!run_id_text(batch.cells[i].integer).starts_with(prefix)) continue;
      NETOBS_TRY(run, run_from(std::span(batch.cells).subspan(i, width)));
      if (found) {
        return fail({fmt::format("find run {} in {}", which, description()), EEXIST,
                     fmt::format("More than one run begins so: {} and {}.",
                                 run_id_text(found->run_id), run_id_text(run.run_id)),
                     "Give more digits.", ExitCode::usage});
      }
      found = std::move(run);
    }
    return {};
  }));
  if (!found) return fail(no_such_run(which, description()));
  return std::move(*found);
}

Result<std::vector<PointCount>> Store::load_points(std::int64_t run_id) {
  return load<PointCount>(*this, run_points_table(), run_id, point_count_from);
}

Result<std::vector<RollupRow>> Store::load_rollups(std::int64_t run_id) {
  return load<RollupRow>(*this, rollups_table(), run_id, rollup_from);
}

Result<std::uint64_t> Store::scan_probes(std::int64_t run_id, const ProbeSink& sink) {
  std::uint64_t count = 0;
  std::vector<ProbeRecord> records;
  NETOBS_TRY_VOID(scan(probes_table(), run_id, [&](const Batch& batch) -> Result<void> {
    records.clear();
    for (std::size_t i = 0; i < batch.cells.size(); i += probe_column_count) {
      NETOBS_TRY(record, probe_from(std::span(batch.cells).subspan(i, probe_column_count)));
      records.push_back(record);
    }
    count += records.size();
    return sink(records);
  }));
  return count;
}

}  // namespace netobs::store
