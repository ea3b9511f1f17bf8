#pragma once
// What a self-test found: one value, from which text and JSON are made.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/selftest/places.hpp"
#include "core/stats/path.hpp"
#include "core/stats/recovery.hpp"

namespace netobs::app::selftest {

/// The bounds that a self-test holds the tool to.
struct Bounds {
  std::int64_t least_delay_ns = 200'000;  ///< the slope is fitted from here on
  double slope_error = 0.02;
  double least_right_share = 0.97;
  double most_wrong_share = 0.02;
  double least_complete = 0.8;  ///< of the probes, with a known delay and both ends of a segment
};

struct LevelResult {
  std::int64_t nominal_ns = 0;
  std::uint64_t probes = 0;
  double injected_ns = 0;  ///< median of the account
  double measured_ns = 0;  ///< median of the right segment
};

struct SegmentShare {
  stats::Segment segment;
  bool right = false;  ///< the one that has to show the delay
  double share = 0;    ///< of each nanosecond injected
};

struct PlaceResult {
  const Place* place = nullptr;
  std::string skipped;  ///< why it was not measured; empty when it was
  std::uint64_t probes = 0;
  stats::Segment right;  ///< the measured segment that holds the place
  stats::LineFit fit{};
  std::vector<LevelResult> levels;
  std::vector<SegmentShare> leakage;       ///< along the way
  std::vector<std::string> missed;         ///< bounds, in words
  unsigned looks = 0;                      ///< how often it was measured; the last one is shown
  std::vector<std::string> missed_before;  ///< by the look before the last
};

struct CountResult {
  std::string kind;
  std::uint64_t injected = 0;
  std::uint64_t reported = 0;
  /// Nothing done is nothing proven.
  [[nodiscard]] bool passed() const { return injected == reported && injected > 0; }
};

struct CrossCheck {
  std::string key;
  std::string label;
  std::string skipped;         ///< why it was not done; empty when it was
  std::uint64_t expected = 0;  ///< packets that could be compared if nothing went missing
  std::uint64_t compared = 0;
  std::uint64_t agreed = 0;
  /// All that were compared agree, and those are at least four in five.
  [[nodiscard]] bool passed() const {
    return agreed == compared && compared > 0 && compared * 5 >= expected * 4;
  }
};

struct SelftestResult {
  std::string environment;  ///< one line: machine, kernel, how the programs waited
  std::vector<std::int64_t> delays_ns;
  std::uint64_t seed = 0;
  Bounds bounds;
  std::vector<PlaceResult> places;
  std::vector<CountResult> counts;
  std::string counts_skipped;
  std::vector<CrossCheck> checks;
  double used_by_others = 0;  ///< of all CPUs' time, by other programs meanwhile; 0 to 1
  bool interrupted = false;

  /// Nothing that was measured missed its bound, and something was measured.
  [[nodiscard]] bool passed() const;
};

/// Judges one place. Probes that were not answered, met a clock step or have no account are left
/// out.
[[nodiscard]] PlaceResult evaluate(const Place& place, const Injected& injected,
                                   const DelayPlan& plan, const Bounds& bounds, std::uint64_t seed);

}  // namespace netobs::app::selftest
