#pragma once
// Which probe gets which known delay, and what was really done to it.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.hpp"

namespace netobs::app::selftest {

/// Delays in blocks of one probe each, in random order within a block, so that whatever the machine
/// does meanwhile meets all delays alike. The first probe has the first delay.
class DelayPlan {
 public:
  /// `delays`: ascending, at least one. `seed` repeats the order.
  DelayPlan(std::vector<Duration> delays, std::size_t probes_per_delay, std::uint64_t seed);

  [[nodiscard]] std::size_t probe_count() const { return level_of_.size(); }
  [[nodiscard]] const std::vector<Duration>& delays() const { return delays_; }
  /// Index into delays(); the first for numbers beyond the plan: warm-up and drain probes.
  [[nodiscard]] std::size_t level_of(std::uint64_t sequence) const {
    return sequence < level_of_.size() ? level_of_[sequence] : 0;
  }
  [[nodiscard]] Duration delay_of(std::uint64_t sequence) const {
    return delays_[level_of(sequence)];
  }

 private:
  std::vector<Duration> delays_;
  std::vector<std::uint8_t> level_of_;
};

/// What was added to the way of each probe, by the one who added it. Written by one thread, read
/// after it has ended.
class Account {
 public:
  struct Entry {
    std::size_t level = 0;
    std::int64_t injected_ns = 0;
    std::int64_t aside_ns = 0;  ///< what the instrument itself took on Place::aside
  };
  explicit Account(std::size_t probes) : entries_(probes) {}

  /// Numbers beyond the measured probes are ignored.
  void note(std::uint64_t sequence, const Entry& entry) {
    if (sequence < entries_.size()) entries_[sequence] = entry;
  }
  /// Adds to the entry of a probe that has one.
  void note_aside(std::uint64_t sequence, std::int64_t aside_ns) {
    if (sequence < entries_.size() && entries_[sequence]) entries_[sequence]->aside_ns = aside_ns;
  }
  [[nodiscard]] std::optional<Entry> of(std::uint64_t sequence) const {
    return sequence < entries_.size() ? entries_[sequence] : std::nullopt;
  }

 private:
  std::vector<std::optional<Entry>> entries_;
};

}  // namespace netobs::app::selftest
