#include "core/stats/histogram.hpp"

#include <algorithm>

#include "core/base/check.hpp"

namespace netobs::stats {
namespace {

constexpr std::uint8_t format_version = 1;

Bucket bucket_bounds(std::size_t page, std::size_t sub, std::uint64_t count) {
  const bool negative = page >= Histogram::pages_per_sign;
  const std::size_t octave = negative ? page - Histogram::pages_per_sign : page;
  const auto shift = static_cast<unsigned>(octave == 0 ? 0 : octave - 1);
  const std::uint64_t first = (octave == 0 ? sub : sub + Histogram::sub_bucket_count) << shift;
  const std::uint64_t last = first + ((std::uint64_t{1} << shift) - 1);
  if (!negative) {
    return {static_cast<std::int64_t>(first), static_cast<std::int64_t>(last), count};
  }
  // 2^63 is the magnitude of the smallest int64; nothing lies beyond it.
  constexpr std::uint64_t largest = std::uint64_t{1} << 63U;
  return {static_cast<std::int64_t>(0 - (last > largest ? largest : last)),
          static_cast<std::int64_t>(0 - first), count};
}

/// Which pages can occur: no positive int64 reaches 2^63, and of the negative ones only one does.
bool valid_place(std::size_t page, std::size_t sub) {
  if (page == Histogram::pages_per_sign - 1) return false;
  if (page == Histogram::page_count - 1) return sub == 0;
  return page != Histogram::pages_per_sign || sub != 0;  // there is no minus zero
}

}  // namespace

std::size_t Histogram::octave_of(std::size_t page) {
  const bool negative = page >= pages_per_sign;
  const std::size_t of_sign = negative ? page - pages_per_sign : page;
  return (negative ? octaves_per_sign : 0) + std::max<std::size_t>(of_sign, 1) - 1;
}

std::size_t Histogram::step_of(std::size_t page, std::size_t sub) {
  return page % pages_per_sign == 0 ? sub : sub + sub_bucket_count;
}

std::uint64_t Histogram::count_at(std::size_t page, std::size_t sub) const {
  const std::size_t octave = octave_of(page);
  return origin_[octave] == absent ? 0 : counts_[place_of(octave, step_of(page, sub))];
}

void Histogram::allocate(std::size_t octave) {
  const bool first = octave % octaves_per_sign == 0;
  const std::size_t begin = counts_.size();
  origin_[octave] =
      static_cast<std::int32_t>(begin) - (first ? 0 : static_cast<std::int32_t>(sub_bucket_count));
  counts_.resize(begin + (first ? 2 : 1) * sub_bucket_count);
}

void Histogram::add_first(std::size_t octave, std::size_t step) {
  allocate(octave);
  ++counts_[place_of(octave, step)];
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t page = 0; page < page_count; ++page) {
    const std::size_t octave = octave_of(page);
    if (other.origin_[octave] == absent) continue;
    if (origin_[octave] == absent) allocate(octave);
    const std::uint64_t* from = &other.counts_[other.place_of(octave, step_of(page, 0))];
    std::uint64_t* to = &counts_[place_of(octave, step_of(page, 0))];
    for (std::size_t sub = 0; sub < sub_bucket_count; ++sub) to[sub] += from[sub];
  }
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts_) total += count;
  return total;
}

template <class Visit>
void Histogram::visit_ascending(Visit&& visit) const {
  const auto page_visit = [&](std::size_t page, bool descending) {
    if (origin_[octave_of(page)] == absent) return true;
    for (std::size_t i = 0; i < sub_bucket_count; ++i) {
      const std::size_t sub = descending ? sub_bucket_count - 1 - i : i;
      const std::uint64_t count = count_at(page, sub);
      if (count != 0 && !visit(bucket_bounds(page, sub, count))) return false;
    }
    return true;
  };
  for (std::size_t page = page_count; page-- > pages_per_sign;) {
    if (!page_visit(page, true)) return;
  }
  for (std::size_t page = 0; page < pages_per_sign; ++page) {
    if (!page_visit(page, false)) return;
  }
}

Bucket Histogram::bucket_at_rank(std::uint64_t rank) const {
  NETOBS_CHECK(rank >= 1, "rank {}", rank);
  Bucket found;
  std::uint64_t below = 0;
  visit_ascending([&](const Bucket& bucket) {
    found = bucket;
    below += bucket.count;
    return below < rank;
  });
  NETOBS_CHECK(below >= rank, "rank {} of {}", rank, below);
  return found;
}

std::vector<Bucket> Histogram::buckets() const {
  std::vector<Bucket> all;
  visit_ascending([&](const Bucket& bucket) {
    all.push_back(bucket);
    return true;
  });
  return all;
}

void Histogram::serialise(std::string& out) const {
  out += static_cast<char>(format_version);
  const auto used_in = [&](std::size_t page) {
    std::size_t used = 0;
    for (std::size_t sub = 0; sub < sub_bucket_count; ++sub) used += count_at(page, sub) != 0;
    return used;
  };
  std::size_t pages = 0;
  for (std::size_t page = 0; page < page_count; ++page) pages += used_in(page) != 0;
  put_varint(out, pages);
  for (std::size_t page = 0; page < page_count; ++page) {
    const std::size_t used = used_in(page);
    if (used == 0) continue;
    put_varint(out, page);
    put_varint(out, used);
    std::size_t next = 0;
    for (std::size_t sub = 0; sub < sub_bucket_count; ++sub) {
      const std::uint64_t count = count_at(page, sub);
      if (count == 0) continue;
      put_varint(out, sub - next);  // the gap to the previous one
      put_varint(out, count);
      next = sub + 1;
    }
  }
}

Histogram Histogram::parse(ByteReader& in) {
  Histogram histogram;
  if (in.byte() != format_version) in.fail();
  const std::uint64_t pages = in.varint();
  std::uint64_t next_page = 0;
  std::uint64_t total = 0;
  for (std::uint64_t i = 0; i < pages && !in.failed(); ++i) {
    const std::uint64_t page = in.varint();
    const std::uint64_t used = in.varint();
    if (page < next_page || page >= page_count || used == 0 || used > sub_bucket_count) in.fail();
    if (in.failed()) break;
    next_page = page + 1;
    const std::size_t octave = octave_of(page);
    if (histogram.origin_[octave] == absent) histogram.allocate(octave);
    std::uint64_t next_sub = 0;
    for (std::uint64_t j = 0; j < used && !in.failed(); ++j) {
      const std::uint64_t gap = in.varint();
      const std::uint64_t count = in.varint();
      if (gap >= sub_bucket_count - next_sub || count == 0 || count > max_parsed_count - total ||
          !valid_place(page, next_sub + gap)) {
        in.fail();
        break;
      }
      total += count;
      histogram.counts_[histogram.place_of(octave, step_of(page, next_sub + gap))] = count;
      next_sub += gap + 1;
    }
  }
  if (in.failed()) return {};
  return histogram;
}

bool operator==(const Histogram& a, const Histogram& b) {
  for (std::size_t page = 0; page < Histogram::page_count; ++page) {
    for (std::size_t sub = 0; sub < Histogram::sub_bucket_count; ++sub) {
      if (a.count_at(page, sub) != b.count_at(page, sub)) return false;
    }
  }
  return true;
}

}  // namespace netobs::stats
