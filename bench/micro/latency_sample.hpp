#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "micro/micro.hpp"

namespace netobs::micro {

/// Round trips in nanoseconds as a host gives them: 20 us at least, an exponential body, and one in
/// a hundred far out. Same values in every run.
[[nodiscard]] inline std::vector<std::int64_t> latency_sample(std::size_t count) {
  constexpr double floor_ns = 20'000;
  constexpr double mean_ns = 8'000;
  constexpr double tail_factor = 60;
  auto random = input_random();
  std::vector<std::int64_t> values(count);
  for (auto& value : values) {
    const double uniform = (static_cast<double>(random() >> 11U) + 1.0) * 0x1.0p-53;
    const bool in_tail = random() % 100 == 0;
    value = std::llround(floor_ns - std::log(uniform) * mean_ns * (in_tail ? tail_factor : 1.0));
  }
  return values;
}

}  // namespace netobs::micro
