#pragma once
// The Internet checksum (RFC 1071). Sums are kept in the byte order of memory, which its arithmetic
// allows (RFC 1071 section 2 (B)), so that nothing is swapped on the way.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace netobs::wire {

/// Adds the 16-bit words of `bytes` to a sum, an odd last byte as if a zero followed. Every piece
/// but the last must have an even size. Room for 32 GiB of bytes.
[[nodiscard]] inline std::uint64_t checksum_add(std::uint64_t sum,
                                                std::span<const std::byte> bytes) {
  constexpr std::uint64_t low_half = 0xffffffffU;
  constexpr unsigned half_bits = 32;
  std::uint64_t word = 0;
  while (bytes.size() >= sizeof word) {
    std::memcpy(&word, bytes.data(), sizeof word);
    sum += (word & low_half) + (word >> half_bits);
    bytes = bytes.subspan(sizeof word);
  }
  if (!bytes.empty()) {
    word = 0;
    std::memcpy(&word, bytes.data(), bytes.size());
    sum += (word & low_half) + (word >> half_bits);
  }
  return sum;
}

/// A 16-bit number as it stands in a packet: big-endian.
[[nodiscard]] constexpr std::uint64_t checksum_word(std::uint16_t value) {
  if constexpr (std::endian::native == std::endian::big) return value;
  return static_cast<std::uint64_t>((value & 0xffU) << 8U | value >> 8U);
}

/// One's complement sum in 16 bits, in the byte order of memory.
[[nodiscard]] constexpr std::uint16_t checksum_fold(std::uint64_t sum) {
  constexpr std::uint64_t word = 0xffffU;
  while (sum > word) sum = (sum & word) + (sum >> 16U);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace netobs::wire
