#pragma once
// Integers wider than 64 bits, for sums that must come out the same in any order of addition.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>

#include "core/base/saturating.hpp"

namespace netobs::stats {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

/// |value| without the overflow of negating the smallest int64.
[[nodiscard]] constexpr std::uint64_t magnitude(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return value < 0 ? 0 - bits : bits;
}

using netobs::saturating_difference;
using netobs::saturating_sum;

/// Unsigned integer of `words` 64-bit words, least significant first. Arithmetic wraps.
template <std::size_t words>
struct Wide {
  std::array<std::uint64_t, words> word{};

  friend constexpr bool operator==(const Wide&, const Wide&) = default;

  template <std::size_t other>
  constexpr void add(const Wide<other>& value) {
    static_assert(other <= words);
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < words; ++i) {
      const UInt128 sum = UInt128{word[i]} + (i < other ? value.word[i] : 0) + carry;
      word[i] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64U);
    }
  }

  constexpr void subtract(const Wide& value) {
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < words; ++i) {
      const UInt128 difference = UInt128{word[i]} - value.word[i] - borrow;
      word[i] = static_cast<std::uint64_t>(difference);
      borrow = static_cast<std::uint64_t>(difference >> 64U) & 1U;
    }
  }

  [[nodiscard]] constexpr bool less_than(const Wide& other) const {
    for (std::size_t i = words; i-- > 0;) {
      if (word[i] != other.word[i]) return word[i] < other.word[i];
    }
    return false;
  }

  [[nodiscard]] constexpr long double to_real() const {
    long double value = 0;
    for (std::size_t i = words; i-- > 0;) value = value * 0x1p64L + word[i];
    return value;
  }
};

[[nodiscard]] constexpr Wide<2> to_wide(UInt128 value) {
  return {{static_cast<std::uint64_t>(value), static_cast<std::uint64_t>(value >> 64U)}};
}

template <std::size_t n, std::size_t m>
[[nodiscard]] constexpr Wide<n + m> multiply(const Wide<n>& a, const Wide<m>& b) {
  Wide<n + m> product;
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < m; ++j) {
      const UInt128 part = UInt128{a.word[i]} * b.word[j] + product.word[i + j] + carry;
      product.word[i + j] = static_cast<std::uint64_t>(part);
      carry = static_cast<std::uint64_t>(part >> 64U);
    }
    product.word[i + m] = carry;
  }
  return product;
}

}  // namespace netobs::stats
