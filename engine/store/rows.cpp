#include "store/rows.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <limits>

#include "core/base/check.hpp"
#include "store/schema.hpp"

namespace netobs::store {
namespace {

Cell optional_cell(const std::optional<std::int64_t>& value) {
  return value ? Cell::of(*value) : Cell::null();
}
Cell count_cell(std::uint64_t value) {
  return Cell::of(static_cast<std::int64_t>(value));
}

/// Reads the cells of one row by column number and remembers the first that does not fit.
class RowReader {
 public:
  RowReader(const Table& table, std::span<const Cell> row) : table_(table), row_(row) {
    NETOBS_CHECK(row.size() == table.columns.size(), "{} cells in a row of {}", row.size(),
                 table.name);
  }

  std::int64_t integer(std::size_t column,
                       std::int64_t low = std::numeric_limits<std::int64_t>::min(),
                       std::int64_t high = std::numeric_limits<std::int64_t>::max()) {
    const Cell& cell = row_[column];
    if (cell.kind == Cell::Kind::integer && cell.integer >= low && cell.integer <= high) {
      return cell.integer;
    }
    return reject(column), low > 0 ? low : 0;
  }
  template <class Small>
  Small small(std::size_t column) {
    return static_cast<Small>(integer(column, 0, std::numeric_limits<Small>::max()));
  }
  std::uint64_t count(std::size_t column) { return static_cast<std::uint64_t>(integer(column, 0)); }
  std::optional<std::int64_t> optional_integer(std::size_t column) {
    if (row_[column].kind == Cell::Kind::null) return std::nullopt;
    return integer(column);
  }
  double real(std::size_t column) {
    const Cell& cell = row_[column];
    if (cell.kind == Cell::Kind::real) return cell.real;
    // A whole number may come back as an integer.
    if (cell.kind == Cell::Kind::integer) return static_cast<double>(cell.integer);
    return reject(column), 0.0;
  }
  std::string text(std::size_t column) { return bytes(column, Cell::Kind::text); }
  std::string blob(std::size_t column) { return bytes(column, Cell::Kind::blob); }
  void reject(std::size_t column) {
    if (bad_.empty()) bad_ = table_.columns[column].name;
  }

  template <class T>
  Result<T> finish(T value) const {
    if (bad_.empty()) return value;
    return fail({fmt::format("read a row of table {}", table_.name), EBADMSG,
                 fmt::format("Its column {} holds something that netobs never writes there.", bad_),
                 "The database was changed by something else, or it is damaged: use a backup."});
  }

 private:
  std::string bytes(std::size_t column, Cell::Kind kind) {
    if (row_[column].kind == kind) return std::string(row_[column].bytes);
    return reject(column), std::string();
  }

  const Table& table_;
  std::span<const Cell> row_;
  std::string_view bad_;
};

constexpr std::size_t at(ProbeColumn column) {
  return static_cast<std::size_t>(column);
}

}  // namespace

OwnedBatch to_rows(const RunRow& run) {
  OwnedBatch batch(runs_table());
  batch.add(Cell::of(run.run_id));
  batch.add(Cell::of(run.started_at_ns));
  batch.add(optional_cell(run.finished_at_ns));
  batch.add(Cell::of_text(run.target));
  batch.add(Cell::of_text(run.transport));
  batch.add(Cell::of_text(run.schedule));
  batch.add(count_cell(run.sent));
  batch.add(count_cell(run.received));
  batch.add(count_cell(run.lost));
  batch.add(Cell::of_text(run.document));
  return batch;
}

OwnedBatch to_rows(std::int64_t run_id, std::span<const PointCount> counts) {
  OwnedBatch batch(run_points_table());
  for (const auto& row : counts) {
    batch.add(Cell::of(run_id));
    batch.add(Cell::of_text(name(row.host)));
    batch.add(Cell::of_text(name(row.point)));
    batch.add(Cell::of_text(row.reason));
    batch.add(count_cell(row.count));
  }
  return batch;
}

OwnedBatch to_rows(std::int64_t run_id, std::span<const RollupRow> rollups) {
  OwnedBatch batch(rollups_table());
  for (const auto& row : rollups) {
    batch.add(Cell::of(run_id));
    batch.add(Cell::of_text(row.metric));
    batch.add(Cell::of(row.interval_start_ns));
    batch.add(count_cell(row.count));
    batch.add(Cell::of(row.min_ns));
    batch.add(Cell::of(row.max_ns));
    batch.add(Cell::of_real(row.mean_ns));
    batch.add(optional_cell(row.p50_ns));
    batch.add(optional_cell(row.p90_ns));
    batch.add(optional_cell(row.p99_ns));
    batch.add(optional_cell(row.p99_9_ns));
    batch.add(Cell::of_blob(row.distribution));
  }
  return batch;
}

OwnedBatch to_rows(std::int64_t run_id, std::span<const RunMetricRow> metrics) {
  OwnedBatch batch(run_metrics_table());
  for (const auto& row : metrics) {
    batch.add(Cell::of(run_id));
    batch.add(Cell::of_text(row.metric));
    batch.add(Cell::of_text(row.kind));
    batch.add(Cell::of(row.position));
    batch.add(Cell::of_text(row.label));
    batch.add(Cell::of_text(row.host));
    batch.add(count_cell(row.count));
    batch.add(Cell::of(row.min_ns));
    batch.add(Cell::of(row.max_ns));
    batch.add(Cell::of_real(row.mean_ns));
    batch.add(optional_cell(row.p50_ns));
    batch.add(optional_cell(row.p90_ns));
    batch.add(optional_cell(row.p99_ns));
    batch.add(optional_cell(row.p99_9_ns));
  }
  return batch;
}

OwnedBatch to_rows(std::int64_t run_id, std::span<const BucketRow> buckets) {
  OwnedBatch batch(rollup_buckets_table());
  for (const auto& row : buckets) {
    batch.add(Cell::of(run_id));
    batch.add(Cell::of_text(row.metric));
    batch.add(Cell::of(row.interval_start_ns));
    batch.add(Cell::of(row.low_ns));
    batch.add(Cell::of(row.high_ns));
    batch.add(count_cell(row.count));
  }
  return batch;
}

OwnedBatch to_rows(std::int64_t run_id, std::span<const CountRow> counts) {
  OwnedBatch batch(interval_counts_table());
  for (const auto& row : counts) {
    batch.add(Cell::of(run_id));
    batch.add(Cell::of(row.interval_start_ns));
    batch.add(Cell::of_text(row.name));
    batch.add(count_cell(row.count));
  }
  return batch;
}

void append_probe(std::vector<Cell>& cells, std::int64_t run_id, const ProbeRecord& record) {
  cells.push_back(Cell::of(run_id));
  cells.push_back(count_cell(record.sequence));
  cells.push_back(Cell::of(record.intended_ns));
  cells.push_back(Cell::of(record.send_error_ns));
  cells.push_back(Cell::of(static_cast<std::int64_t>(record.outcome)));
  cells.push_back(Cell::of(record.reflector_sequence));
  cells.push_back(Cell::of(record.reply_count));
  cells.push_back(Cell::of(record.reflector_ttl));
  cells.push_back(Cell::of(record.reply_ttl));
  cells.push_back(Cell::of((record.clock_stepped ? probe_flag_clock_stepped : 0) |
                           (record.reordered ? probe_flag_reordered : 0)));
  for (std::size_t i = 0; i < slot_count; ++i) {
    cells.push_back(record.reason[i] == Reason::captured ? Cell::of(record.ns[i]) : Cell::null());
  }
}

Result<RunRow> run_from(std::span<const Cell> row) {
  RowReader read(runs_table(), row);
  RunRow run;
  run.run_id = read.integer(0, 1);
  run.started_at_ns = read.integer(1);
  run.finished_at_ns = read.optional_integer(2);
  run.target = read.text(3);
  run.transport = read.text(4);
  run.schedule = read.text(5);
  run.sent = read.count(6);
  run.received = read.count(7);
  run.lost = read.count(8);
  run.document = read.text(9);
  return read.finish(std::move(run));
}

Result<PointCount> point_count_from(std::span<const Cell> row) {
  RowReader read(run_points_table(), row);
  PointCount count;
  const auto host = read.text(1);
  const auto point = point_from_name(read.text(2));
  if (host != name(Host::sender) && host != name(Host::reflector)) read.reject(1);
  if (!point) read.reject(2);
  count.host = host == name(Host::reflector) ? Host::reflector : Host::sender;
  count.point = point.value_or(Point::app_tx);
  count.reason = read.text(3);
  count.count = read.count(4);
  return read.finish(std::move(count));
}

Result<CountRow> count_from(std::span<const Cell> row) {
  RowReader read(interval_counts_table(), row);
  CountRow count;
  count.interval_start_ns = read.integer(1);
  count.name = read.text(2);
  count.count = read.count(3);
  return read.finish(std::move(count));
}

Result<RollupRow> rollup_from(std::span<const Cell> row) {
  RowReader read(rollups_table(), row);
  RollupRow rollup;
  rollup.metric = read.text(1);
  rollup.interval_start_ns = read.integer(2);
  rollup.count = read.count(3);
  rollup.min_ns = read.integer(4);
  rollup.max_ns = read.integer(5);
  rollup.mean_ns = read.real(6);
  rollup.p50_ns = read.optional_integer(7);
  rollup.p90_ns = read.optional_integer(8);
  rollup.p99_ns = read.optional_integer(9);
  rollup.p99_9_ns = read.optional_integer(10);
  rollup.distribution = read.blob(11);
  return read.finish(std::move(rollup));
}

Result<ProbeRecord> probe_from(std::span<const Cell> row) {
  RowReader read(probes_table(), row);
  ProbeRecord record;
  record.sequence = read.count(at(ProbeColumn::sequence));
  record.intended_ns = read.integer(at(ProbeColumn::intended_ns));
  record.send_error_ns = read.integer(at(ProbeColumn::send_error_ns));
  const auto outcome = read.integer(at(ProbeColumn::outcome), 0, outcome_count - 1);
  record.outcome = static_cast<Outcome>(outcome);
  record.reflector_sequence = read.small<std::uint32_t>(at(ProbeColumn::reflector_sequence));
  record.reply_count = read.small<std::uint32_t>(at(ProbeColumn::reply_count));
  record.reflector_ttl = read.small<std::uint8_t>(at(ProbeColumn::reflector_ttl));
  record.reply_ttl = read.small<std::uint8_t>(at(ProbeColumn::reply_ttl));
  const auto flags = read.integer(at(ProbeColumn::flags), 0, 3);
  record.clock_stepped = (flags & probe_flag_clock_stepped) != 0;
  record.reordered = (flags & probe_flag_reordered) != 0;
  record.reason.fill(Reason::not_requested);
  for (std::size_t i = 0; i < slot_count; ++i) {
    if (const auto ns = read.optional_integer(probe_slot_offset + i)) record.set(i, *ns);
  }
  return read.finish(record);
}

std::string run_id_text(std::int64_t run_id) {
  return fmt::format("{:016x}", static_cast<std::uint64_t>(run_id));
}

Result<std::int64_t> make_run_id() {
  std::uint64_t value = 0;
  while (value == 0) {
    if (::getrandom(&value, sizeof value, 0) != sizeof value) {
      return fail({"read random bytes for the run id", errno, {}, {}});
    }
    value >>= 1U;
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace netobs::store
