#pragma once
// The rows as structs, and their way into and out of cells. Conversion from cells treats a database
// file as hostile: a wrong type or an impossible value is an error, never undefined behaviour.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/layer/point.hpp"
#include "core/layer/record.hpp"
#include "store/row.hpp"

namespace netobs::store {

/// One run. Times are CLOCK_REALTIME.
struct RunRow {
  std::int64_t run_id = 0;  ///< positive, random
  std::int64_t started_at_ns = 0;
  std::optional<std::int64_t> finished_at_ns;  ///< empty: still running, or it never ended properly
  std::string target;
  std::string transport;
  std::string schedule;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::string document;  ///< JSON: configuration, environment, counters
  friend bool operator==(const RunRow&, const RunRow&) = default;
};

/// How many slots of one point ended for one reason; reason "requested" counts all that were asked
/// for, the others are the names of netobs::Reason.
struct PointCount {
  Host host = Host::sender;
  Point point = Point::app_tx;
  std::string reason;
  std::uint64_t count = 0;
  friend bool operator==(const PointCount&, const PointCount&) = default;
};

/// One metric over one interval. Quantiles are empty where the count does not support them.
struct RollupRow {
  std::string metric;  ///< at most max_metric_bytes
  std::int64_t interval_start_ns = 0;
  std::uint64_t count = 0;
  std::int64_t min_ns = 0;
  std::int64_t max_ns = 0;
  double mean_ns = 0;
  std::optional<std::int64_t> p50_ns;
  std::optional<std::int64_t> p90_ns;
  std::optional<std::int64_t> p99_ns;
  std::optional<std::int64_t> p99_9_ns;
  std::string distribution;  ///< opaque bytes of the statistics layer
  friend bool operator==(const RollupRow&, const RollupRow&) = default;
};

/// One metric over the whole run. host: only of a segment, else empty.
struct RunMetricRow {
  std::string metric;  ///< at most max_metric_bytes
  std::string kind;
  std::int64_t position = 0;
  std::string label;
  std::string host;
  std::uint64_t count = 0;
  std::int64_t min_ns = 0;
  std::int64_t max_ns = 0;
  double mean_ns = 0;
  std::optional<std::int64_t> p50_ns;
  std::optional<std::int64_t> p90_ns;
  std::optional<std::int64_t> p99_ns;
  std::optional<std::int64_t> p99_9_ns;
};

/// Values of one metric and interval from low_ns up to below high_ns.
struct BucketRow {
  std::string metric;
  std::int64_t interval_start_ns = 0;
  std::int64_t low_ns = 0;
  std::int64_t high_ns = 0;
  std::uint64_t count = 0;
};

struct CountRow {
  std::int64_t interval_start_ns = 0;
  std::string name;
  std::uint64_t count = 0;
};

[[nodiscard]] OwnedBatch to_rows(const RunRow& run);
[[nodiscard]] OwnedBatch to_rows(std::int64_t run_id, std::span<const PointCount> counts);
[[nodiscard]] OwnedBatch to_rows(std::int64_t run_id, std::span<const RollupRow> rollups);
[[nodiscard]] OwnedBatch to_rows(std::int64_t run_id, std::span<const RunMetricRow> metrics);
[[nodiscard]] OwnedBatch to_rows(std::int64_t run_id, std::span<const BucketRow> buckets);
[[nodiscard]] OwnedBatch to_rows(std::int64_t run_id, std::span<const CountRow> counts);
/// Appends the cells of one probe to a batch of probes_table(). Sequences fit 63 bits.
void append_probe(std::vector<Cell>& cells, std::int64_t run_id, const ProbeRecord& record);

/// `row` is one row of the table, all columns.
[[nodiscard]] Result<RunRow> run_from(std::span<const Cell> row);
[[nodiscard]] Result<PointCount> point_count_from(std::span<const Cell> row);
[[nodiscard]] Result<CountRow> count_from(std::span<const Cell> row);
[[nodiscard]] Result<RollupRow> rollup_from(std::span<const Cell> row);
/// The reasons of missing timestamps are kept per run, not per probe: a slot without a value comes
/// back as Reason::not_requested, a placeholder that says nothing. Take counts from run_points.
[[nodiscard]] Result<ProbeRecord> probe_from(std::span<const Cell> row);

/// 16 lower-case hex digits.
[[nodiscard]] std::string run_id_text(std::int64_t run_id);
/// A random positive id (getrandom(2)).
[[nodiscard]] Result<std::int64_t> make_run_id();

}  // namespace netobs::store
