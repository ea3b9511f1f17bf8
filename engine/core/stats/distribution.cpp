#include "core/stats/distribution.hpp"

#include <algorithm>
#include <cmath>

namespace netobs::stats {
namespace {

constexpr std::uint8_t format_version = 1;
constexpr std::uint64_t million = 1'000'000;

/// ceil(q * count), without the rounding of floating point.
std::uint64_t rank_of(std::uint64_t count, Quantile q) {
  const UInt128 scaled = UInt128{count} * q.ppm;
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>((scaled + million - 1) / million));
}

bool supports(std::uint64_t count, Quantile q) {
  if (count == 0) return false;
  if (q.ppm == p50.ppm) return true;
  const std::uint64_t tail = std::min<std::uint64_t>(q.ppm, million - q.ppm);
  return UInt128{count} * tail >= million;
}

Error damaged(std::string_view why) {
  return {.what = "read a stored distribution",
          .cause = std::string(why),
          .remedy = "the row is damaged or was written by a newer version; leave this run out"};
}

}  // namespace

void Distribution::merge(const Distribution& other) {
  if (other.count_ == 0) return;
  histogram_.merge(other.histogram_);
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
  sum_ += other.sum_;
  squares_.add(other.squares_);
}

std::optional<std::int64_t> Distribution::min() const {
  if (count_ == 0) return std::nullopt;
  return min_;
}

std::optional<std::int64_t> Distribution::max() const {
  if (count_ == 0) return std::nullopt;
  return max_;
}

std::optional<double> Distribution::mean() const {
  if (count_ == 0) return std::nullopt;
  return static_cast<double>(static_cast<long double>(sum_) / static_cast<long double>(count_));
}

std::optional<double> Distribution::stddev() const {
  if (count_ == 0) return std::nullopt;
  // count * sum of squares - square of the sum, in whole numbers: a tiny spread around a large
  // value would drown in the rounding of floating point.
  const auto size = static_cast<UInt128>(sum_ < 0 ? -sum_ : sum_);
  auto numerator = multiply(squares_, Wide<1>{{count_}});
  numerator.subtract(multiply(to_wide(size), to_wide(size)));
  const long double variance =
      numerator.to_real() / static_cast<long double>(count_) / static_cast<long double>(count_);
  return static_cast<double>(std::sqrt(variance));
}

std::optional<std::int64_t> Distribution::quantile(Quantile q) const {
  if (!supports(count_, q)) return std::nullopt;
  return std::clamp(histogram_.bucket_at_rank(rank_of(count_, q)).middle(), min_, max_);
}

std::optional<Interval> Distribution::confidence_interval(Quantile q) const {
  const auto ranks = confidence_ranks(count_, q);
  if (!ranks) return std::nullopt;
  return Interval{std::max(min_, histogram_.bucket_at_rank(ranks->low).low),
                  std::min(max_, histogram_.bucket_at_rank(ranks->high).high)};
}

bool Distribution::consistent() const {
  if (histogram_.count() != count_) return false;
  if (count_ == 0) return min_ == 0 && max_ == 0 && sum_ == 0 && squares_ == Wide<3>{};
  const Bucket first = histogram_.bucket_at_rank(1);
  const Bucket last = histogram_.bucket_at_rank(count_);
  if (min_ > max_ || min_ < first.low || min_ > first.high || max_ < last.low || max_ > last.high) {
    return false;
  }
  // parse() bounds the count by 2^40, so these products fit.
  const auto count = static_cast<Int128>(count_);
  if (sum_ < count * min_ || sum_ > count * max_) return false;
  const UInt128 largest = std::max(magnitude(min_), magnitude(max_));
  const auto most = multiply(to_wide(largest * largest), Wide<1>{{count_}});
  if (most.less_than(squares_)) return false;
  // Cauchy and Schwarz: a negative variance cannot come from a sample.
  const auto size = static_cast<UInt128>(sum_ < 0 ? -sum_ : sum_);
  return !multiply(squares_, Wide<1>{{count_}}).less_than(multiply(to_wide(size), to_wide(size)));
}

std::string Distribution::serialise() const {
  std::string out;
  out += static_cast<char>(format_version);
  put_varint(out, count_);
  put_zigzag(out, min_);
  put_zigzag(out, max_);
  const auto sum = to_wide(static_cast<UInt128>(sum_));
  for (const std::uint64_t word : sum.word) put_word(out, word);
  for (const std::uint64_t word : squares_.word) put_word(out, word);
  histogram_.serialise(out);
  return out;
}

Result<Distribution> Distribution::parse(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.byte() != format_version) return fail(damaged("its format version is not 1"));
  Distribution distribution;
  distribution.count_ = in.varint();
  distribution.min_ = in.zigzag();
  distribution.max_ = in.zigzag();
  const std::uint64_t low = in.word();
  const std::uint64_t high = in.word();
  distribution.sum_ = static_cast<Int128>(UInt128{high} << 64U | low);
  for (std::uint64_t& word : distribution.squares_.word) word = in.word();
  distribution.histogram_ = Histogram::parse(in);
  if (in.failed() || !in.at_end()) return fail(damaged("its bytes are cut short or malformed"));
  if (!distribution.consistent()) return fail(damaged("its counts and sums contradict each other"));
  return distribution;
}

}  // namespace netobs::stats
