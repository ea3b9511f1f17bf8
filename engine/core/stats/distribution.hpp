#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/stats/histogram.hpp"
#include "core/stats/wide.hpp"

namespace netobs::stats {

/// A quantile in parts per million, 1 to 999 999: whole numbers, so that ranks are exact.
struct Quantile {
  std::uint32_t ppm = 500'000;
};

inline constexpr Quantile p50{500'000};
inline constexpr Quantile p90{900'000};
inline constexpr Quantile p99{990'000};
inline constexpr Quantile p99_9{999'000};
inline constexpr Quantile p99_99{999'900};

struct QuantileInfo {
  std::string_view key;    ///< the name in JSON
  std::string_view label;  ///< the name for a person
  Quantile quantile;
};

/// The quantiles that every report shows.
inline constexpr std::array<QuantileInfo, 5> quantile_table{{
    {"p50", "p50", p50},
    {"p90", "p90", p90},
    {"p99", "p99", p99},
    {"p99_9", "p99.9", p99_9},
    {"p99_99", "p99.99", p99_99},
}};

/// Values between which the true quantile lies in at least 95 of 100 repetitions.
struct Interval {
  std::int64_t low = 0;
  std::int64_t high = 0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// A sample of int64 nanoseconds, kept in bounded memory.
///
/// Exact: count, minimum, maximum, mean and standard deviation, for all of int64 and up to 2^64
/// values. Quantiles are those of the histogram: within |value| / 512 of the sample's own order
/// statistic, never outside [min, max].
/// Merging is exact, associative and commutative: any split of a sample into parts gives, merged
/// again, equal state and so equal bytes.
class Distribution {
 public:
  void add(std::int64_t value) {
    histogram_.add(value);
    if (count_++ == 0) min_ = max_ = value;
    if (value < min_) min_ = value;
    if (value > max_) max_ = value;
    sum_ += value;
    const UInt128 size = magnitude(value);
    squares_.add(to_wide(size * size));
  }

  void merge(const Distribution& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// The following are nullopt for an empty sample.
  [[nodiscard]] std::optional<std::int64_t> min() const;
  [[nodiscard]] std::optional<std::int64_t> max() const;
  [[nodiscard]] std::optional<double> mean() const;
  /// Of the sample itself: the divisor is count(), so one value has 0.
  [[nodiscard]] std::optional<double> stddev() const;

  /// The value of rank ceil(q * count). nullopt when the sample cannot support it: the tail beyond
  /// q must hold at least one value, count * min(q, 1 - q) >= 1. So p90 needs 10 values, p99 100,
  /// p99.9 1000, p99.99 10 000. The median needs only one value.
  [[nodiscard]] std::optional<std::int64_t> quantile(Quantile q) const;

  /// 95 % confidence interval of a quantile from two order statistics whose ranks follow from the
  /// binomial distribution: no assumption on the shape of the sample, but values are taken as
  /// independent (queues make neighbours alike: treat it as the least width). nullopt when the
  /// sample is too small for two such ranks. The ends include the histogram's rounding.
  [[nodiscard]] std::optional<Interval> confidence_interval(Quantile q) const;

  [[nodiscard]] const Histogram& histogram() const { return histogram_; }

  /// Canonical bytes: equal distributions give equal bytes.
  [[nodiscard]] std::string serialise() const;
  /// Reads serialise()'s bytes, hostile or damaged ones too: memory is bounded by the histogram's
  /// bound, and count, extremes and sums must be possible for the histogram they come with.
  [[nodiscard]] static Result<Distribution> parse(std::string_view bytes);

  friend bool operator==(const Distribution&, const Distribution&) = default;

 private:
  [[nodiscard]] bool consistent() const;

  Histogram histogram_;
  std::uint64_t count_ = 0;
  std::int64_t min_ = 0;
  std::int64_t max_ = 0;
  Int128 sum_ = 0;
  Wide<3> squares_;
};

/// Ranks (from 1) of the two order statistics that hold the quantile with at least 95 %.
struct RankInterval {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const RankInterval&, const RankInterval&) = default;
};

/// nullopt when no such ranks exist within 1..count. The sum over the binomial distribution is
/// exact (to double precision) up to a standard deviation of 20 000 ranks; beyond, the normal
/// approximation is off by less than one part in a thousand of the interval's width.
[[nodiscard]] std::optional<RankInterval> confidence_ranks(std::uint64_t count, Quantile q);

}  // namespace netobs::stats
