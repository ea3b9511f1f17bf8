#pragma once
// Two sides measured in turns: what is kept of the rounds, when there are enough of them, and when
// a suspicion counts as confirmed.

#include <cstddef>
#include <string>
#include <vector>

#include "core/compare/comparison.hpp"

namespace netobs::compare {

/// The rounds so far. The same index of both sides is the same round.
class Rounds {
 public:
  /// One block of each side; of each metric counts the median of its values. Metrics that an
  /// earlier round did not have, or that this one lacks, have no value there.
  void add(const Measurement& base, const Measurement& next);
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] const Measurement& base() const { return base_; }
  [[nodiscard]] const Measurement& next() const { return next_; }

 private:
  void append(Measurement& series, const Measurement& block) const;

  std::size_t count_ = 0;
  Measurement base_;
  Measurement next_;
};

/// The first metric's interval is narrow enough to tell a change of its threshold from none: no
/// wider than the threshold to either side of the estimate. Looks at the width alone, never at
/// where the interval lies, so that stopping by it favours no verdict.
[[nodiscard]] bool precise_enough(const Rounds& rounds, const Settings& settings);

/// The comparison of all rounds, `first` and then, where something looked worse, `second`: a
/// metric is worse only if it is in the first look, again in the second (corrected for the
/// suspected ones alone), and in both together. What was suspected and not confirmed, or shows only
/// in both together, is not enough data.
[[nodiscard]] Comparison confirmed(const Rounds& first, const Rounds& second,
                                   const Settings& settings);

/// What makes the session's figures doubtful, for a person: the base's own drift or spread.
[[nodiscard]] std::vector<std::string> steadiness_notes(const Measurement& base,
                                                        const Settings& settings);

}  // namespace netobs::compare
