#pragma once
// Big-endian access to packet bytes. The caller has checked the bounds (NETOBS_CHECK guards it).

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/check.hpp"

namespace netobs {

template <std::unsigned_integral T>
[[nodiscard]] inline T load_be(std::span<const std::byte> bytes, std::size_t offset) {
  NETOBS_CHECK(offset + sizeof(T) <= bytes.size(), "offset {} size {}", offset, bytes.size());
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = value << 8U | std::to_integer<std::uint64_t>(bytes[offset + i]);
  }
  return static_cast<T>(value);
}

template <std::unsigned_integral T>
inline void store_be(std::span<std::byte> bytes, std::size_t offset, T value) {
  NETOBS_CHECK(offset + sizeof(T) <= bytes.size(), "offset {} size {}", offset, bytes.size());
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    const auto shift = static_cast<unsigned>(8 * (sizeof(T) - 1 - i));
    bytes[offset + i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> shift & 0xffU);
  }
}

}  // namespace netobs
