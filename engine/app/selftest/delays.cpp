#include "app/selftest/delays.hpp"

#include <limits>
#include <random>
#include <utility>

#include "core/base/check.hpp"

namespace netobs::app::selftest {

DelayPlan::DelayPlan(std::vector<Duration> delays, std::size_t probes_per_delay, std::uint64_t seed)
    : delays_(std::move(delays)) {
  NETOBS_CHECK(!delays_.empty() && delays_.size() <= std::numeric_limits<std::uint8_t>::max(),
               "{} delays", delays_.size());
  std::mt19937_64 random(seed);
  std::vector<std::uint8_t> block;
  block.reserve(delays_.size());
  for (std::size_t i = 0; i < delays_.size(); ++i) block.push_back(static_cast<std::uint8_t>(i));
  for (std::size_t i = 0; i < probes_per_delay; ++i) {
    // Fisher and Yates; std::shuffle may differ between libraries.
    for (std::size_t left = block.size(); left > 1; --left) {
      std::swap(block[left - 1], block[random() % left]);
    }
    if (i == 0) std::swap(block.front(), *std::ranges::find(block, std::uint8_t{0}));
    level_of_.insert(level_of_.end(), block.begin(), block.end());
  }
}

}  // namespace netobs::app::selftest
