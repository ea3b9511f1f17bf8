#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "store/rows.hpp"
#include "store/schema.hpp"
#include "store/store.hpp"

namespace netobs::store {

/// A folder of its own for one test, removed with it.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "netobs-store-XXXXXX";
    path_ = ::mkdtemp(pattern.data()) != nullptr ? pattern : "";
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline constexpr std::int64_t sample_run_id = 0x7f3a000000000001;
inline constexpr std::int64_t sample_ns = 1'700'000'000'000'000'000;

inline RunRow sample_run() {
  RunRow run;
  run.run_id = sample_run_id;
  run.started_at_ns = sample_ns;
  run.target = "198.18.0.2:862";
  run.transport = "io_uring";
  run.schedule = "every 1 ms";
  run.sent = 3;
  run.received = 2;
  run.lost = 1;
  run.document = R"({"text":"quote \" and ü and '; DROP TABLE runs;--"})";
  return run;
}

inline ProbeRecord sample_probe(std::uint64_t sequence) {
  ProbeRecord record;
  record.sequence = sequence;
  record.intended_ns = sample_ns + static_cast<std::int64_t>(sequence) * 1'000'000;
  record.send_error_ns = -7;
  record.outcome = Outcome::lost_backward;
  record.reflector_sequence = 4'294'967'295;
  record.reply_count = 2;
  record.reflector_ttl = 64;
  record.reply_ttl = 255;
  record.clock_stepped = true;
  record.reordered = sequence % 2 == 1;
  record.reason.fill(Reason::not_requested);
  record.set(slot(Host::sender, Point::app_tx), record.intended_ns - 7);
  record.set(slot(Host::reflector, Point::tc_ingress), 0);  // zero is a value, not "missing"
  record.set(slot(Host::sender, Point::app_rx), -1);
  return record;
}

inline std::vector<ProbeRecord> sample_probes(std::uint64_t first, std::size_t count) {
  std::vector<ProbeRecord> records;
  for (std::size_t i = 0; i < count; ++i) records.push_back(sample_probe(first + i));
  return records;
}

inline Batch probe_batch(std::span<const ProbeRecord> records,
                         std::int64_t run_id = sample_run_id) {
  Batch batch{&probes_table(), {}};
  for (const auto& record : records) append_probe(batch.cells, run_id, record);
  return batch;
}

inline std::vector<PointCount> sample_points() {
  return {{Host::reflector, Point::tc_ingress, "captured", 2},
          {Host::reflector, Point::tc_ingress, "requested", 3},
          {Host::sender, Point::app_tx, "captured", 3}};
}

inline std::vector<RollupRow> sample_rollups() {
  RollupRow all_bytes;
  all_bytes.metric = "rtt/app";
  all_bytes.interval_start_ns = sample_ns;
  all_bytes.count = 2;
  all_bytes.min_ns = -5;
  all_bytes.max_ns = 9'000'000'000'000'000'000;
  all_bytes.mean_ns = 0.1;
  all_bytes.p50_ns = 14'200;
  for (int i = 0; i < 256; ++i) all_bytes.distribution.push_back(static_cast<char>(i));
  RollupRow empty;
  empty.metric = "rtt/kernel";
  empty.interval_start_ns = sample_ns;
  empty.mean_ns = 3;
  return {all_bytes, empty};
}

/// Two rows of each table whose rows are only written here and read by SQL.
inline std::vector<OwnedBatch> sample_metrics(std::int64_t run_id = sample_run_id) {
  RunMetricRow whole{"network.both_ways",
                     "segment",
                     4,
                     "network, both ways",
                     "network",
                     3,
                     -5,
                     9'000'000'000,
                     0.1,
                     42,
                     43,
                     44,
                     45};
  RunMetricRow view{"rtt.app", "view", 0, "application", "", 2, 1, 2, 1.5, 1, {}, {}, {}};
  const BucketRow negative{"rtt.app", sample_ns, -9, -7, 2};
  const BucketRow positive{"rtt.app", sample_ns, 32'768, 40'960, 7};
  const CountRow lost{sample_ns, "lost", 0};
  const CountRow sent{sample_ns, "sent", 1'000};
  std::vector<OwnedBatch> batches;
  batches.push_back(to_rows(run_id, std::vector{whole, view}));
  batches.push_back(to_rows(run_id, std::vector{negative, positive}));
  batches.push_back(to_rows(run_id, std::vector{lost, sent}));
  return batches;
}

inline std::vector<ProbeRecord> read_probes(Store& store, std::int64_t run_id = sample_run_id) {
  std::vector<ProbeRecord> all;
  const auto count = store.scan_probes(run_id, [&](std::span<const ProbeRecord> some) {
    all.insert(all.end(), some.begin(), some.end());
    return Result<void>{};
  });
  return count && *count == all.size() ? all : std::vector<ProbeRecord>{};
}

}  // namespace netobs::store
