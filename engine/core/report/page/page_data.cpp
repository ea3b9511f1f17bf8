#include "core/report/page/page_data.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

namespace netobs::report {
namespace {

constexpr unsigned points_per_decade = 24;
constexpr std::size_t max_bars = 96;

/// Walks a histogram upwards, as the ranks asked for only rise.
class RankWalk {
 public:
  RankWalk(std::span<const stats::Bucket> buckets, std::int64_t min, std::int64_t max)
      : buckets_(buckets), min_(min), max_(max) {}

  std::int64_t value_at(std::uint64_t rank) {
    while (at_ + 1 < buckets_.size() && below_ + buckets_[at_].count < rank) {
      below_ += buckets_[at_++].count;
    }
    return std::clamp(buckets_[at_].middle(), min_, max_);
  }

 private:
  std::span<const stats::Bucket> buckets_;
  std::int64_t min_;
  std::int64_t max_;
  std::size_t at_ = 0;
  std::uint64_t below_ = 0;
};

/// The rank of the value that one in `one_in` exceeds: ceil(q * count) with q = 1 - 1 / one_in.
std::uint64_t rank_of(double one_in, std::uint64_t count) {
  const auto beyond = static_cast<std::uint64_t>(static_cast<double>(count) / one_in);
  return std::clamp<std::uint64_t>(count - beyond, 1, count);
}

/// Even steps on the logarithmic axis, moved a little so that 1, 2 and 5 times a power of ten are
/// among them: p50, p80, p90, p95, p98, p99, ...
double one_in_at(unsigned step) {
  const unsigned decade = step / points_per_decade;
  const unsigned rest = step % points_per_decade;
  constexpr unsigned two = 7;
  constexpr unsigned five = 17;
  const double within = rest == two ? 2
                        : rest == five
                            ? 5
                            : std::pow(10.0, static_cast<double>(rest) / points_per_decade);
  return within * std::pow(10.0, decade);
}

std::vector<CurvePoint> curve_of(const stats::Distribution& distribution,
                                 std::span<const stats::Bucket> buckets) {
  const std::uint64_t count = distribution.count();
  const auto end = static_cast<double>(count);
  RankWalk walk(buckets, *distribution.min(), *distribution.max());
  std::vector<CurvePoint> curve{{1, *distribution.min()}};
  for (unsigned step = 1;; ++step) {
    const double one_in = one_in_at(step);
    if (one_in >= end) break;
    curve.push_back({one_in, walk.value_at(rank_of(one_in, count))});
  }
  curve.push_back({std::max(end, 1.0), *distribution.max()});
  return curve;
}

/// One number per value that rises with it: `steps` of them to each power of two.
std::int64_t cell_of(std::int64_t ns, unsigned steps_log2) {
  if (ns < 1) return -1;
  const auto size = static_cast<std::uint64_t>(ns);
  const auto exponent = static_cast<unsigned>(std::bit_width(size)) - 1;
  const std::uint64_t above = size - (std::uint64_t{1} << exponent);
  const std::uint64_t step =
      exponent >= steps_log2 ? above >> (exponent - steps_log2) : above << (steps_log2 - exponent);
  return static_cast<std::int64_t>((std::uint64_t{exponent} << steps_log2) + step);
}

std::int64_t cell_low(std::int64_t cell, unsigned steps_log2) {
  if (cell < 0) return 0;
  const auto number = static_cast<std::uint64_t>(cell);
  const std::uint64_t exponent = number >> steps_log2;
  if (exponent >= 63) return INT64_MAX;
  const std::uint64_t step = number & ((std::uint64_t{1} << steps_log2) - 1);
  const std::uint64_t base = std::uint64_t{1} << exponent;
  // Rounded up where a power of two has fewer values than steps: the smallest value of this cell.
  const std::uint64_t spread = std::uint64_t{1}
                               << (steps_log2 - std::min<std::uint64_t>(exponent, steps_log2));
  const std::uint64_t part =
      exponent >= steps_log2 ? step << (exponent - steps_log2) : (step + spread - 1) / spread;
  return static_cast<std::int64_t>(base + part);
}

/// Bars of equal width on a logarithmic axis; as fine as max_bars allows. The histogram's own
/// buckets are finer still and never straddle two bars.
std::vector<HistogramBar> bars_of(std::span<const stats::Bucket> buckets) {
  unsigned steps_log2 = 5;
  const auto first = [&] { return cell_of(buckets.front().low, steps_log2); };
  const auto last = [&] { return cell_of(buckets.back().low, steps_log2); };
  while (steps_log2 > 0 && last() - first() >= static_cast<std::int64_t>(max_bars)) --steps_log2;
  std::vector<HistogramBar> bars;
  for (std::int64_t cell = first(); cell <= last(); ++cell) {
    const std::int64_t low = cell_low(cell, steps_log2);
    const std::int64_t next = cell_low(cell + 1, steps_log2);
    if (next > low) bars.push_back({low, next - 1, 0});
  }
  std::size_t at = 0;
  for (const stats::Bucket& bucket : buckets) {
    while (at + 1 < bars.size() && bucket.low > bars[at].high_ns) ++at;
    bars[at].count += bucket.count;
  }
  return bars;
}

}  // namespace

Shape shape_of(const stats::Distribution& distribution) {
  if (distribution.empty()) return {};
  const auto buckets = distribution.histogram().buckets();
  return {curve_of(distribution, buckets), bars_of(buckets)};
}

std::optional<Stroke> stroke_of(const stats::Distribution& distribution) {
  if (distribution.empty()) return std::nullopt;
  return Stroke{*distribution.min(), *distribution.quantile(stats::p50), *distribution.max()};
}

}  // namespace netobs::report
