#pragma once

#include <cstdint>

namespace netobs::sim {

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers from the same seed with every compiler
/// and library, which the standard distributions do not promise.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30U) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27U) * 0x94d049bb133111ebULL;
    return z ^ z >> 31U;
  }
  /// Both ends included; low <= high. The bias of the remainder is below 2^-20 for ranges used
  /// here.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    const auto range = static_cast<std::uint64_t>(high - low) + 1;
    return low + static_cast<std::int64_t>(next() % range);
  }
  bool chance(std::uint32_t ppm) { return next() % 1'000'000 < ppm; }

 private:
  std::uint64_t state_;
};

}  // namespace netobs::sim
