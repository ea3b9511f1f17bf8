#include "core/stats/coarse_buckets.hpp"

#include <bit>
#include <limits>

namespace netobs::stats {
namespace {

constexpr unsigned steps_bits = 2;  // four steps per power of two
static_assert(steps_bits <= Histogram::sub_bucket_bits, "an exact bucket lies in one coarse one");

/// The magnitudes of one step: from first to last, both included.
struct Step {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

Step step_of(std::uint64_t size) {
  if (size < (1U << steps_bits)) return {size, size};
  const auto shift = static_cast<unsigned>(std::bit_width(size)) - 1 - steps_bits;
  const std::uint64_t first = size >> shift << shift;
  return {first, first + ((std::uint64_t{1} << shift) - 1)};
}

CoarseBucket bucket_of(std::int64_t value) {
  constexpr auto largest = std::numeric_limits<std::int64_t>::max();
  const Step step = step_of(magnitude(value));
  if (value >= 0) {
    const auto last = static_cast<std::int64_t>(step.last);
    return {static_cast<std::int64_t>(step.first), last == largest ? largest : last + 1, 0};
  }
  // 2^63 is the magnitude of the smallest int64; nothing lies beyond it.
  constexpr std::uint64_t bound = std::uint64_t{1} << 63U;
  const std::uint64_t last = step.last > bound ? bound : step.last;
  return {static_cast<std::int64_t>(0 - last), static_cast<std::int64_t>(1 - step.first), 0};
}

}  // namespace

std::vector<CoarseBucket> coarse_buckets(const Histogram& histogram) {
  std::vector<CoarseBucket> coarse;
  for (const Bucket& exact : histogram.buckets()) {
    CoarseBucket bucket = bucket_of(exact.low);
    if (coarse.empty() || coarse.back().low != bucket.low) coarse.push_back(bucket);
    coarse.back().count += exact.count;
  }
  return coarse;
}

}  // namespace netobs::stats
