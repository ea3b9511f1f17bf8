#pragma once
// A histogram that SQL can read: few buckets, whose edges are the same for every run and host, so
// that rows of many runs can be added up.

#include <cstdint>
#include <vector>

#include "core/stats/histogram.hpp"

namespace netobs::stats {

/// Values counted from low up to, but not including, high. Only the bucket that ends at the largest
/// int64 holds that value too.
struct CoarseBucket {
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::uint64_t count = 0;
  friend bool operator==(const CoarseBucket&, const CoarseBucket&) = default;
};

/// The exact histogram in four buckets per power of two, ascending, without empty ones: at most 248
/// for positive values. A magnitude below four has a bucket of its own; negative values mirror the
/// positive ones. The counts add up to those of the histogram.
[[nodiscard]] std::vector<CoarseBucket> coarse_buckets(const Histogram& histogram);

}  // namespace netobs::stats
