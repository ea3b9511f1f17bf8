#include "core/report/hdr_log.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <map>

#include "core/base/check.hpp"
#include "core/report/clean_text.hpp"
#include "core/report/run_document.hpp"

namespace netobs::report {
namespace {

constexpr std::uint32_t plain_cookie = 0x1c849313;
constexpr std::uint32_t compressed_cookie = 0x1c849314;
/// Readers that add intervals up want equal ranges: an hour, unless there is a longer value.
constexpr std::int64_t usual_highest_ns = 3'600'000'000'000;

// The shape that follows from three digits and a smallest unit of 1: magnitudes below 2048 have a
// bucket of their own, above each power of two is cut into 1024.
constexpr unsigned half_count_bits = 10;
constexpr std::uint64_t half_count = 1U << half_count_bits;
constexpr std::uint64_t sub_bucket_mask = 2 * half_count - 1;

std::size_t slot_of(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  const auto power =
      static_cast<unsigned>(std::bit_width(bits | sub_bucket_mask)) - half_count_bits - 1;
  return ((power + std::uint64_t{1}) << half_count_bits) + (bits >> power) - half_count;
}

template <class Unsigned>
void put_big_endian(std::string& out, Unsigned value) {
  for (unsigned i = sizeof value; i-- > 0;) out += static_cast<char>(value >> 8U * i & 0xffU);
}

/// ZigZag LEB128 of at most nine bytes: the ninth holds eight bits.
void put_number(std::string& out, std::int64_t value) {
  auto bits = static_cast<std::uint64_t>(value) << 1U ^ (value < 0 ? ~std::uint64_t{0} : 0);
  for (unsigned i = 0; i < 8 && bits >= 0x80U; ++i, bits >>= 7U) {
    out += static_cast<char>(bits | 0x80U);
  }
  out += static_cast<char>(bits);
}

struct Counts {
  std::map<std::size_t, std::uint64_t> by_slot;
  std::uint64_t left_out = 0;

  void add(std::int64_t value, std::uint64_t count) {
    if (count == 0) return;
    if (value < 0) {
      left_out += count;
    } else {
      by_slot[slot_of(value)] += count;
    }
  }
};

/// The sample's own extremes are known exactly; a bucket's other values stand in its middle.
Counts counts_of(const stats::Distribution& distribution) {
  Counts counts;
  if (distribution.empty()) return counts;
  const auto lowest = *distribution.min();
  const auto highest = *distribution.max();
  counts.add(lowest, 1);
  if (distribution.count() > 1) counts.add(highest, 1);
  std::uint64_t before = 0;
  for (const auto& bucket : distribution.histogram().buckets()) {
    std::uint64_t others = bucket.count;
    if (before == 0) --others;
    before += bucket.count;
    if (before == distribution.count() && distribution.count() > 1) --others;
    counts.add(std::clamp(bucket.middle(), lowest, highest), others);
  }
  return counts;
}

std::string payload_of(const Counts& counts) {
  std::string payload;
  std::size_t next = 0;
  for (const auto& [slot, count] : counts.by_slot) {
    // A run of zeros is its length, negated; a single one is itself.
    if (slot - next > 1) put_number(payload, -static_cast<std::int64_t>(slot - next));
    if (slot - next == 1) put_number(payload, 0);
    put_number(payload, static_cast<std::int64_t>(count));
    next = slot + 1;
  }
  return payload;
}

std::string encoded(const Counts& counts, std::int64_t highest_ns) {
  const auto payload = payload_of(counts);
  std::string bytes;
  put_big_endian(bytes, plain_cookie);
  put_big_endian(bytes, static_cast<std::uint32_t>(payload.size()));
  put_big_endian(bytes, std::uint32_t{0});  // index offset: counts are not shifted
  put_big_endian(bytes, static_cast<std::uint32_t>(hdr_digits));
  put_big_endian(bytes, std::uint64_t{1});  // smallest unit
  put_big_endian(bytes, static_cast<std::uint64_t>(std::max(highest_ns, usual_highest_ns)));
  put_big_endian(bytes, std::bit_cast<std::uint64_t>(1.0));  // scale of floating-point values
  return bytes + payload;
}

const unsigned char* octets(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string compressed(const std::string& bytes) {
  uLongf size = ::compressBound(bytes.size());
  std::string packed(size, '\0');
  const int status = ::compress(reinterpret_cast<unsigned char*>(packed.data()), &size,
                                octets(bytes), bytes.size());
  NETOBS_CHECK(status == Z_OK, "zlib: status {}", status);
  packed.resize(size);
  std::string framed;
  put_big_endian(framed, compressed_cookie);
  put_big_endian(framed, static_cast<std::uint32_t>(packed.size()));
  return framed + packed;
}

std::string base64(const std::string& bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // the call ends it with a NUL
  const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), octets(bytes),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::string tag_of(std::string_view text) {
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  std::string tag(text);
  for (char& c : tag) {
    if (!allowed.contains(c)) c = '_';
  }
  return tag;
}

/// Seconds with milliseconds. The log knows no time before the epoch.
std::string seconds_text(std::int64_t ns) {
  const auto milliseconds = std::max(ns, std::int64_t{0}) / 1'000'000;
  return fmt::format("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
}

}  // namespace

std::string hdr_log_head(std::int64_t started_ns) {
  return fmt::format(
      "#[Histogram log format version 1.3]\n"
      "#[StartTime: {} (seconds since epoch), {}]\n"
      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
      seconds_text(started_ns), utc_text(started_ns));
}

std::string hdr_log_comment(std::string_view text) {
  return fmt::format("#[{}]\n", clean_text(text));
}

std::uint64_t append_hdr_interval(std::string& out, const HdrInterval& interval,
                                  const stats::Distribution& distribution) {
  const auto counts = counts_of(distribution);
  if (counts.by_slot.empty()) return counts.left_out;
  const auto highest = *distribution.max();
  fmt::format_to(std::back_inserter(out), "Tag={},{},{},{:.6f},{}\n", tag_of(interval.tag),
                 seconds_text(interval.start_ns), seconds_text(interval.length_ns),
                 static_cast<double>(highest) / 1e6,  // milliseconds, by convention
                 base64(compressed(encoded(counts, highest))));
  return counts.left_out;
}

}  // namespace netobs::report
