#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
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
/// cut into 256 equal buckets, so a bucket is never wider than 1/256 of the values in it. Memory: 2
/// KiB for each power of two (and sign) that has been seen, 222 KiB at the very most, whatever the
/// count.
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
    const std::uint64_t size = magnitude(value);
    std::size_t page = value < 0 ? pages_per_sign : 0;
    std::size_t sub = size;
    if (size >= sub_bucket_count) {
      const auto exponent = static_cast<unsigned>(std::bit_width(size)) - 1;
      page += exponent - sub_bucket_bits + 1;
      sub = (size >> (exponent - sub_bucket_bits)) & (sub_bucket_count - 1);
    }
    if (place_[page] == absent) allocate(page);
    ++counts_[place_[page] * sub_bucket_count + sub];
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
  static constexpr std::uint8_t absent = 0xff;

  void allocate(std::size_t page);
  [[nodiscard]] std::uint64_t count_at(std::size_t page, std::size_t sub) const {
    return place_[page] == absent ? 0 : counts_[place_[page] * sub_bucket_count + sub];
  }
  template <class Visit>
  void visit_ascending(Visit&& visit) const;

  std::array<std::uint8_t, page_count> place_ = [] {
    std::array<std::uint8_t, page_count> none{};
    none.fill(absent);
    return none;
  }();
  std::vector<std::uint64_t> counts_;  // pages in the order they were first met
};

}  // namespace netobs::stats
