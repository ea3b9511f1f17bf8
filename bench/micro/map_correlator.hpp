#pragma once
// The baseline of the correlator's goal: one record per probe in a std::unordered_map, as one
// would write it first. On the events of event_stream.hpp it gives the same records.

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/correlate/correlator.hpp"

namespace netobs::micro {

/// The part of Correlator that EventStream exercises: no failed sends, no clock steps, no
/// duplicates, no counting reflector, every probe's sending is told before anything else of it.
class MapCorrelator {
 public:
  explicit MapCorrelator(const CorrelatorConfig& config);

  void add(const Observation& observation);
  /// As Correlator::close(), in sequence order too.
  [[nodiscard]] std::span<const ProbeRecord> close(MonotonicTime now);
  [[nodiscard]] std::span<const ProbeRecord> finish();

 private:
  struct Entry {
    ProbeRecord record;
    std::int64_t sent_monotonic_ns = 0;
    std::int64_t reply_monotonic_ns = 0;
    std::optional<std::uint32_t> passage;
    bool replied = false;
    bool reported = false;
  };

  void open_record(const Observation& observation);
  void on_reply(Entry& entry, const Observation& observation);
  [[nodiscard]] bool complete(const Entry& entry) const;
  [[nodiscard]] Outcome outcome_of(const Entry& entry) const;
  [[nodiscard]] bool heard_of_later(std::uint64_t sequence) const;
  void settle_reasons(Entry& entry) const;
  void close_oldest();

  CorrelatorConfig config_;
  std::unordered_map<std::uint64_t, Entry> open_;
  std::vector<ProbeRecord> closed_;
  std::vector<std::size_t> expected_slots_;
  std::uint64_t oldest_ = 0;
  std::uint64_t next_ = 0;
  std::optional<std::uint64_t> highest_answered_;
  std::int64_t clock_good_until_ns_ = 0;
};

}  // namespace netobs::micro
