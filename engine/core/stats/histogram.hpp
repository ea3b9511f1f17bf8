#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/stats/varint.hpp"
#include "core/stats/wide.hpp"

namespace netobs::stats {

/// Values counted in one bucket: all integers from low to high, both included.
struct Bucket {
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::uint64_t count = 0;

  /// Stands for every value of the bucket. Off by at most |value| / 512.
  [[nodiscard]] std::int64_t middle() const { return low + (high - low) / 2; }
};

/// Counts of int64 nanoseconds over the whole range of int64, negative values included.
///
/// Shape: log-linear. A magnitude below 256 has a bucket of its own; above, each power of two is
/// cut into 256 equal buckets, so a bucket is never wider than 1/256 of the values in it. Memory: 4
/// KiB for magnitudes below 512 and 2 KiB for each further power of two, by sign and only once one
/// has been seen; 226 KiB at the very most, whatever the count.
///
/// Merging adds counts: it is exact, associative and commutative, so a histogram merged from
/// intervals equals the one that saw every value, in any order.
class Histogram {
 public:
  static constexpr unsigned sub_bucket_bits = 8;
  static constexpr std::size_t sub_bucket_count = std::size_t{1} << sub_bucket_bits;
  /// Magnitudes below 256, then one page per power of two from 2^8 to 2^63.
  static constexpr std::size_t pages_per_sign = 57;
  static constexpr std::size_t page_count = 2 * pages_per_sign;
  /// What parse() accepts at most; far more than any run, and sums of it cannot overflow.
  static constexpr std::uint64_t max_parsed_count = std::uint64_t{1} << 40U;

  /// Allocates only when it meets a power of two for the first time.
  void add(std::int64_t value) {
    // The sign first: then the common way has no step that only negative values need.
    if (value >= 0) [[likely]] {
      add_magnitude(static_cast<std::uint64_t>(value), 0);
    } else {
      add_magnitude(magnitude(value), octaves_per_sign);
    }
  }

  void merge(const Histogram& other);

  [[nodiscard]] std::uint64_t count() const;
  /// The bucket of the rank-th smallest value, rank from 1 to count(). Checked.
  [[nodiscard]] Bucket bucket_at_rank(std::uint64_t rank) const;
  /// Every bucket that holds something, ascending.
  [[nodiscard]] std::vector<Bucket> buckets() const;

  /// Appends the canonical form: equal histograms give equal bytes. About 2 to 3 bytes per used
  /// bucket.
  void serialise(std::string& out) const;
  /// Reads what serialise() wrote. On anything else the reader fails and the result is empty.
  [[nodiscard]] static Histogram parse(ByteReader& in);

  friend bool operator==(const Histogram& a, const Histogram& b);

 private:
  /// Counters are kept by octave: the magnitudes below 512, which are pages 0 and 1, then one page
  /// each. A shift by the octave's number then gives the step within it, from 0 in the first and
  /// from 256 in the others.
  static constexpr std::size_t octaves_per_sign = pages_per_sign - 1;
  static constexpr std::size_t octave_count = 2 * octaves_per_sign;
  static constexpr std::int32_t absent = std::numeric_limits<std::int32_t>::min();

  void add_magnitude(std::uint64_t size, std::size_t first_octave) {
    // Not by bit_width(): of this the compiler makes the one instruction that finds the bit.
    const auto exponent = static_cast<unsigned>(63 ^ std::countl_zero(size | sub_bucket_count));
    const unsigned shift = exponent - sub_bucket_bits;
    const std::size_t octave = first_octave + shift;
    if (origin_[octave] == absent) [[unlikely]]
      return add_first(octave, size >> shift);
    ++counts_[place_of(octave, size >> shift)];
  }
  void add_first(std::size_t octave, std::size_t step);
  void allocate(std::size_t octave);
  [[nodiscard]] static std::size_t octave_of(std::size_t page);
  /// What add_magnitude() gets by its shift.
  [[nodiscard]] static std::size_t step_of(std::size_t page, std::size_t sub);
  /// Where its counter is in counts_. The octave must have been allocated.
  [[nodiscard]] std::size_t place_of(std::size_t octave, std::size_t step) const {
    return static_cast<std::size_t>(std::ptrdiff_t{origin_[octave]}) + step;
  }
  [[nodiscard]] std::uint64_t count_at(std::size_t page, std::size_t sub) const;
  template <class Visit>
  void visit_ascending(Visit&& visit) const;

  /// Where step 0 of each octave would be in counts_; below 0 where that is before its begin.
  std::array<std::int32_t, octave_count> origin_ = [] {
    std::array<std::int32_t, octave_count> none{};
    none.fill(absent);
    return none;
  }();
  std::vector<std::uint64_t> counts_;  // octaves in the order they were first met
};

}  // namespace netobs::stats
