#pragma once
// Observations in any order become one record per probe. Memory is one window of open records,
// sized once: a run of any length needs no more. Records leave in sequence order, which is what
// jitter, IPDV and reordering are defined on.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "core/base/time.hpp"
#include "core/clock/nic_clock.hpp"
#include "core/correlate/arrivals.hpp"
#include "core/correlate/hardware_window.hpp"
#include "core/correlate/observation.hpp"
#include "core/layer/record.hpp"

namespace netobs {

struct CorrelatorConfig {
  std::size_t window = 1U << 16U;  ///< open records at most; a power of two
  /// The window grows up to this, where nobody waits for it; a power of two, 0 = it stays.
  std::size_t window_limit = 0;
  /// Where the times of `sent` and `reply` observations are filed.
  Point departure = Point::app_tx;
  Point arrival = Point::app_rx;
  Duration timeout{};      ///< a reply later than this after sending is late
  Duration grace{};        ///< how long after the timeout timestamps are still awaited
  PointSet sender_points;  ///< points that are expected to deliver, per host
  PointSet reflector_points;
  /// Why a slot outside those sets stays empty: not_requested, not_on_path or unsupported.
  std::array<Reason, slot_count> absent_reason = [] {
    std::array<Reason, slot_count> reasons{};
    reasons.fill(Reason::not_requested);
    return reasons;
  }();
  /// A multi-layer reflector reports each probe; without one, no report is awaited.
  bool reflector_reports = false;
  /// Of reflector_points those that come by its reports.
  PointSet reported_points = PointSet(~0U);
  /// The reflector numbers what arrives (RFC 8762 4.3.1, stateful): gaps tell which way losses
  /// went.
  bool reflector_counts = false;
  /// By index(Host): its hardware times shall be on the scale of CLOCK_REALTIME. The sender's are
  /// converted here, by what on_nic_clock() tells; the reflector converts its own. What comes
  /// unconverted is clock_invalid then.
  std::array<bool, host_count> nic_converted{};
  /// The probe comes back in the sender's own buffer, which an interface of the same kernel has
  /// stamped once more on the way (an XDP reflector in SKB mode at the other end of a veth pair):
  /// only the first tx_software is the sender's.
  bool buffer_comes_back = false;
};

/// What did not end up in a record. Cumulative.
struct CorrelatorCounters {
  std::uint64_t late_replies = 0;          ///< replies to records already closed unanswered
  std::uint64_t late_duplicates = 0;       ///< further replies to records already closed answered
  std::uint64_t late_timestamps = 0;       ///< timestamps for records already closed
  std::uint64_t unknown_sequence = 0;      ///< for probes that were never sent
  std::uint64_t forced_closes = 0;         ///< records closed early because the window was full;
                                           ///< a clock step may not have been noticed yet
  std::uint64_t other_passages = 0;        ///< reported timestamps of a duplicate of the request
  std::uint64_t duplicate_timestamps = 0;  ///< a slot was filled already; the first one stays
  std::uint64_t reflector_clock_steps = 0;
  std::uint64_t impossible_hardware = 0;  ///< hardware timestamps that cannot be of their packet
};

/// Single thread. Reads no clock: `now` comes in.
class Correlator {
 public:
  explicit Correlator(const CorrelatorConfig& config);

  void add(const Observation& observation);
  /// A look at the clocks of the sender's NIC and host.
  void on_nic_clock(const CrossTimestamp& look) { (void)nic_clock_.feed(look); }
  /// Closes what is complete or past its deadline, from the oldest on. The records are valid until
  /// the next call on this object.
  [[nodiscard]] std::span<const ProbeRecord> close(MonotonicTime now);
  /// Closes everything: the end of the run.
  [[nodiscard]] std::span<const ProbeRecord> finish();

  /// Records open and not yet complete.
  [[nodiscard]] std::size_t open() const { return static_cast<std::size_t>(next_ - oldest_); }
  /// Records open at most, as of now.
  [[nodiscard]] std::size_t window() const { return window_.size(); }
  /// How far it may grow from now on, below the configured limit, for who shares room among
  /// several.
  void permit_window(std::size_t probes) { permitted_ = probes; }
  [[nodiscard]] std::uint64_t sent() const { return next_; }
  [[nodiscard]] const CorrelatorCounters& counters() const { return counters_; }
  /// The sender's NIC.
  [[nodiscard]] const NicClock& nic_clock() const { return nic_clock_; }
  /// The widest +- of any converted hardware time of a closed record, nanoseconds; nullopt: none.
  [[nodiscard]] std::optional<std::int64_t> nic_bound_ns(Host host) const {
    return nic_bound_ns_[index(host)];
  }

 private:
  struct Entry {
    ProbeRecord record;
    std::int64_t sent_monotonic_ns = 0;
    std::int64_t reply_monotonic_ns = 0;
    std::optional<std::uint32_t> passage;  ///< the reflector's number of the one that is recorded
    bool replied = false;
    bool reported = false;
    bool failed = false;
    std::optional<std::int64_t> reflector_nic_bound_ns;
    std::optional<ArrivalNumbers::Known> number;  // the reflector's, of the first reply or report
  };
  /// Neighbouring probes without a reply or report, up to the next one that has one.
  struct Gap {
    std::uint64_t end = 0;      // the sequence after it
    std::uint64_t unknown = 0;  // of which nothing else tells that they arrived; not yet closed
    std::optional<std::uint64_t> arrived;  // of these; nullopt: the numbers do not tell
    std::uint64_t version = 0;
    bool followed = false;  // something came back of a later probe
  };

  Entry* find(std::uint64_t sequence);
  void open_record(const Observation& observation);
  void make_room();
  void on_reply(Entry& entry, const Observation& observation);
  void on_timestamp(Entry& entry, std::size_t slot_index, std::int64_t value_ns);
  void on_clock_step(const Observation& observation);
  void count_late(const Observation& observation);
  [[nodiscard]] bool complete(const Entry& entry) const;
  [[nodiscard]] bool overdue(const Entry& entry, MonotonicTime now) const;
  void close_oldest();
  void take_remarks(Entry& entry, const Observation& observation);
  void on_report(Entry& entry, const Observation& observation);
  [[nodiscard]] bool belongs_to_record(Entry& entry, std::uint32_t number);
  void forget_reflector(Entry& entry);
  void settle_outcome(Entry& entry);
  [[nodiscard]] Outcome direction_of_loss(std::uint64_t sequence);
  [[nodiscard]] Gap measure_gap(std::uint64_t first) const;
  [[nodiscard]] bool known_to_have_arrived(const Entry& entry) const;
  void settle_hardware(Entry& entry);
  [[nodiscard]] std::optional<std::int64_t> convert_sender_hardware(ProbeRecord& record);
  void reject_repeated(ProbeRecord& record);
  void reject_hardware(ProbeRecord& record, std::size_t slot_index);
  void settle_reasons(Entry& entry) const;

  CorrelatorConfig config_;
  ArrivalNumbers arrivals_;
  std::optional<ArrivalNumbers::Known> last_known_;  // highest of the closed records
  std::uint64_t arrived_since_ = 0;  // records closed since that arrived and brought no number
  struct DrainReply {
    std::uint64_t sequence = 0;
    ArrivalNumbers::Known number;
  };
  std::optional<DrainReply> first_drain_reply_;
  Gap gap_;
  std::vector<Entry> window_;
  std::size_t permitted_ = std::numeric_limits<std::size_t>::max();
  std::vector<ProbeRecord> closed_;
  std::vector<std::size_t> expected_slots_;
  std::uint64_t oldest_ = 0;  // sequence of the oldest open record
  std::uint64_t next_ = 0;    // sequence of the next record to open
  std::uint64_t highest_answered_ = 0;
  bool any_answered_ = false;
  std::int64_t clock_good_until_ns_ = 0;
  bool clock_watched_ = false;
  bool handed_out_ = false;
  NicClock nic_clock_;
  std::array<std::optional<std::int64_t>, host_count> nic_bound_ns_;
  std::array<std::optional<HardwareSighting>, 2> last_seen_by_nic_;  // the sender's, by direction
  CorrelatorCounters counters_;
};

}  // namespace netobs
