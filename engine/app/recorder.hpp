#pragma once
// The cold side of a run, on a thread of its own: observations become records, records become
// statistics and rows.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "app/run_control.hpp"
#include "core/correlate/correlator.hpp"
#include "core/report/live_snapshot.hpp"
#include "core/stats/run_statistics.hpp"

namespace netobs::app {

/// Where finished records and roll-ups go. Called on the record thread.
struct RecordSinks {
  std::function<void(std::span<const ProbeRecord>)> probes;
  std::function<void(std::vector<stats::Rollup>)> rollups;
  std::function<void(std::vector<stats::IntervalCounts>)> counts;
  std::function<void(const Progress&)> progress;  ///< about ten times a second
  /// Some hundred times a second, whether a record closes or not: a lost probe holds up those
  /// behind it for a timeout, and what is gathered beside them must not wait for that. Empty =
  /// nothing is.
  std::function<void()> turn{};
  bool live = false;  ///< progress carries a snapshot for a live view
  /// The clocks of the sender's NIC and host, about ten times a second; empty = there is no such
  /// clock. And what was seen of them before.
  std::function<std::optional<CrossTimestamp>()> look_at_nic{};
  std::vector<CrossTimestamp> nic_looks{};
};

class Recorder {
 public:
  /// Starts the thread. `cpus`: where it may run, empty = anywhere. `observations` must outlive it.
  Recorder(ObservationQueue& observations, const CorrelatorConfig& correlator,
           const stats::RunStatisticsConfig& statistics, RecordSinks sinks, std::vector<int> cpus);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// For the hot thread: how many records have been closed.
  [[nodiscard]] const std::atomic<std::uint64_t>& closed_records() const { return closed_; }
  /// After the hot thread has ended: takes what is left, closes every record, ends the thread.
  void finish();

  /// After finish().
  [[nodiscard]] const stats::RunStatistics& statistics() const { return statistics_; }
  [[nodiscard]] const CorrelatorCounters& counters() const { return correlator_.counters(); }
  [[nodiscard]] std::optional<NicClockState> nic_clock() const {
    return correlator_.nic_clock().state();
  }
  [[nodiscard]] std::optional<std::int64_t> nic_bound_ns(Host host) const {
    return correlator_.nic_bound_ns(host);
  }
  /// Sizes of the steps of CLOCK_REALTIME that were seen, the first few.
  [[nodiscard]] const std::vector<std::int64_t>& clock_steps_ns() const { return clock_steps_; }

 private:
  void run(const std::vector<int>& cpus);
  [[nodiscard]] std::size_t take_observations();
  void look_at_nic(MonotonicTime now);
  void keep(std::span<const ProbeRecord> records);
  void publish_intervals(bool flush, MonotonicTime now);
  void publish_progress(MonotonicTime now);

  ObservationQueue* observations_;
  Correlator correlator_;
  stats::RunStatistics statistics_;
  RecordSinks sinks_;
  stats::Distribution round_trip_;  // for the progress line only
  report::LiveCollector live_;
  std::shared_ptr<const report::LiveSnapshot> snapshot_;
  MonotonicTime began_;
  MonotonicTime snapshot_at_;
  MonotonicTime look_at_;
  std::vector<Observation> batch_;
  std::vector<std::int64_t> clock_steps_;
  std::atomic<std::uint64_t> closed_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace netobs::app
