#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/layer/record.hpp"
#include "core/stats/checks.hpp"
#include "core/stats/distribution.hpp"
#include "core/stats/interval_counts.hpp"
#include "core/stats/jitter.hpp"
#include "core/stats/ledger.hpp"
#include "core/stats/path.hpp"
#include "core/stats/run_blocks.hpp"
#include "core/stats/view.hpp"

namespace netobs::stats {

struct RunStatisticsConfig {
  RunPlan plan{};
  ClockRelation clocks;
  /// By index(Host): its hardware times are on the scale of CLOCK_REALTIME.
  std::array<bool, host_count> nic_converted{};
  /// False: nobody knows when a probe was meant to be sent (a replayed capture).
  bool scheduled = true;
  /// Length of a roll-up. Intervals start at multiples of it on the sender's CLOCK_REALTIME. 0 = no
  /// roll-ups: only totals are kept.
  std::int64_t interval_ns = 1'000'000'000;

  [[nodiscard]] PathConfig path() const;
};

/// One metric over one interval: a row for the store.
struct Rollup {
  std::string metric;
  std::int64_t interval_start_ns = 0;
  Distribution distribution;
};

/// The check that failed by most, for a person to look at.
struct WorstViolation {
  CausalViolation edge;
  std::uint64_t sequence = 0;
  friend bool operator==(const WorstViolation&, const WorstViolation&) = default;
};

struct ViolationCounters {
  std::uint64_t causal_order = 0;      ///< records with at least one point out of order
  std::uint64_t identity = 0;          ///< records whose segments do not add up to the round trip
  std::uint64_t order_checked = 0;     ///< records looked at
  std::uint64_t identity_checked = 0;  ///< of those, records with every point of the chain
  std::uint64_t capture_checked = 0;   ///< arrivals that have both pcap_rx and rx_software
  std::uint64_t capture_differs = 0;   ///< of those, where the two are not equal
  std::optional<WorstViolation> worst;
  friend bool operator==(const ViolationCounters&, const ViolationCounters&) = default;
};

/// RFC 3550 jitter in nanoseconds, nullopt before two probes or without the points for it.
struct JitterValues {
  std::optional<double> round_trip;
  std::optional<double> forward;
  std::optional<double> backward;
  friend bool operator==(const JitterValues&, const JitterValues&) = default;
};

/// Folds records into everything a summary needs, in memory that does not grow with the count of
/// probes. One thread. Fold in the order of sequence numbers.
///
/// Metrics (nanoseconds), each a Distribution under its key, only where the points for it are on:
///   rtt.<view>        t4 - t1 between the view's points (view.hpp)
///   net_rtt.<view>    that less the time inside the reflector
///   rtt_intended      app_rx minus the intended send time = rtt.app + send_error: what a user
///   waits
///                     who wanted to send on time (no coordinated omission)
///   send_error        app_tx minus the intended send time, of every probe sent
///   ipdv, ipdv.forward, ipdv.backward   RFC 3393 over consecutive sequence numbers
///   delay_change.forward, .backward   one-way delay minus that of the first probe (of the run, or
///                     after a clock step): its spread above its minimum is the PDV of RFC 5481,
///                     and needs no common clock
///   segment.<from host>.<from point>.<to host>.<to point>, network.both_ways   see path.hpp
/// All but send_error are of answered probes; records with clock_stepped are counted and left out.
class RunStatistics {
 public:
  explicit RunStatistics(const RunStatisticsConfig& config);

  /// Allocates only when a block begins or a metric meets a power of two for the first time in an
  /// interval or block.
  void fold(const ProbeRecord& record);

  /// Roll-ups finished since the last call, oldest first; with `flush` the unfinished interval too.
  /// Call it about once per interval: what is not fetched stays in memory. Each (metric, interval)
  /// comes once, also after the clock steps back; flush only at the end of a run.
  [[nodiscard]] std::vector<Rollup> take_finished_intervals(bool flush);

  /// The same for what became of the probes: every probe counts in one interval. Call it after
  /// take_finished_intervals().
  [[nodiscard]] std::vector<IntervalCounts> take_finished_counts();
  /// Replies so far that came again after their record had been closed: they count as duplicates of
  /// the interval in which they are noticed. `total` never falls.
  void note_late_duplicates(std::uint64_t total) { late_duplicates_ = total; }
  /// The run so far, late duplicates included.
  [[nodiscard]] CountValues counts() const;

  /// The whole run so far, by key; metrics without any value are left out. Equals, exactly, the
  /// merge of all roll-ups.
  [[nodiscard]] std::map<std::string, Distribution> totals() const;

  /// The run in stretches: the round trip of every view, and the segments.
  [[nodiscard]] RunBlocks blocks() const { return blocks_.finished(block_keys_); }
  /// One of totals(), for who looks often and at few; empty when there is no such metric.
  [[nodiscard]] Distribution total(std::string_view key) const;

  [[nodiscard]] const ProbeCounters& probes() const { return probes_; }
  [[nodiscard]] const PointLedger& ledger() const { return ledger_; }
  [[nodiscard]] const ViolationCounters& violations() const { return violations_; }
  [[nodiscard]] JitterValues jitter() const;
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  struct Metric {
    std::string key;
    Distribution current;  // since the interval began
    Distribution earlier;  // all intervals before it
    std::optional<std::size_t> in_blocks;
  };
  /// One direction's one-way delay, in the clocks as they are: only its changes mean anything.
  struct OneWay {
    std::size_t from = 0;
    std::size_t to = 0;
    std::size_t ipdv_metric = 0;
    std::size_t change_metric = 0;
    std::optional<std::int64_t> first_ns;
    ConsecutiveVariation variation;
    InterarrivalJitter jitter;
  };
  struct ViewMetrics {
    const View* view = nullptr;
    std::size_t rtt = 0;
    std::optional<std::size_t> net_rtt;
  };

  std::size_t add_metric(std::string key);
  void keep_in_blocks(std::size_t metric);
  void add_views(const PathConfig& config);
  void add_one_way(std::optional<OneWay>& way, const PathConfig& config, Host from);
  void enter_interval(std::int64_t time_ns);
  void finish_interval();
  void check(const ProbeRecord& record);
  void fold_round_trip(const ProbeRecord& record);
  void fold_one_way(std::optional<OneWay>& way, const ProbeRecord& record);
  void restart_one_way();
  void put(std::size_t metric, std::int64_t value) {
    Metric& at = metrics_[metric];
    at.current.add(value);
    if (at.in_blocks) blocks_.add(*at.in_blocks, value);
  }

  ClockRelation clocks_;
  bool scheduled_;
  const View* primary_;
  std::int64_t interval_ns_;
  Path path_;
  PointLedger ledger_;
  ProbeCounters probes_;
  ViolationCounters violations_;
  std::vector<Metric> metrics_;
  std::vector<ViewMetrics> views_;
  std::vector<std::string> block_keys_;
  BlockRecorder blocks_;
  std::vector<std::size_t> segment_metrics_;  // parallel to path_.segments
  std::size_t rtt_intended_ = 0;
  std::size_t send_error_ = 0;
  std::size_t ipdv_ = 0;
  ConsecutiveVariation variation_;
  InterarrivalJitter jitter_;
  std::optional<OneWay> forward_;
  std::optional<OneWay> backward_;
  std::optional<std::int64_t> interval_start_ns_;
  std::vector<Rollup> finished_;
  std::vector<IntervalCounts> finished_counts_;
  CountValues counted_{};  // up to the end of the last finished interval
  std::uint64_t late_duplicates_ = 0;
};

}  // namespace netobs::stats
