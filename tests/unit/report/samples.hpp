#pragma once
// Summaries to render: one worked out by hand from three probes, one that looks like a real run.

#include <string>

#include "core/report/run_document.hpp"
#include "core/report/summary.hpp"
#include "core/stats/run_statistics.hpp"
#include "unit/stats/records.hpp"

namespace netobs::test {

inline report::RunDocument usual_document(const stats::RunStatistics& statistics,
                                          const stats::RunStatisticsConfig& config) {
  report::RunDocument document;
  document.run = {.id = "7f3a9c0e12ab34cd",
                  .target = "198.18.0.2:862",
                  .link = "va0 (veth: no wire)",
                  .virtual_link = true,
                  .transport = "io_uring",
                  .schedule = "every 1 ms",
                  .started_at = report::utc_text(start_ns),
                  .started_ns = start_ns,
                  .duration_ns = 10'000'000'000,
                  .count = 10'000,
                  .size_bytes = 172,
                  .layers = "auto",
                  .wait = "block",
                  .reflector_wait = "block",
                  .cpu = "",
                  .command_line = "netobs rtt 198.18.0.2"};
  document.environment = {{"kernel", std::string("6.18.0")}, {"cpus", std::int64_t{2}}};
  document.probes = statistics.probes();
  document.jitter = statistics.jitter();
  document.violations = statistics.violations();
  document.blocks = statistics.blocks();
  document.path = config.path();
  document.interval_ns = config.interval_ns;
  document.absent_layers = {{"nic", "va0 has no hardware clock"}};
  document.store = {{"netobs.db", 10'000, 0, 0}};
  return document;
}

/// Numbers that are the same with every compiler and library.
class Shuffle {
 public:
  std::int64_t below(std::int64_t limit) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::int64_t>((state_ >> 33U) % static_cast<std::uint64_t>(limit));
  }

 private:
  std::uint64_t state_ = 1;
};

/// One probe of a busy machine: wake-ups scatter, one in two hundred is slow, one in fifty sent
/// late.
inline ProbeRecord scattered_record(std::uint64_t sequence, Shuffle& shuffle,
                                    std::int64_t offset_ns) {
  auto intervals = usual_intervals;
  for (auto& each : intervals) each += shuffle.below(each / 3 + 2);
  intervals[sender_wake_up] += shuffle.below(1'500);
  if (shuffle.below(200) == 0) intervals[sender_wake_up] += 60'000 + shuffle.below(300'000);
  auto record = make_record(sequence, intervals, offset_ns);
  record.send_error_ns = 900 + shuffle.below(600);
  if (shuffle.below(50) == 0) record.send_error_ns += shuffle.below(80'000);
  return record;
}

}  // namespace netobs::test
