#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "core/sim/random.hpp"
#include "core/sim/scenario.hpp"

namespace netobs::sim {

/// One direction of a link. In order, unless a packet is held back.
class Link {
 public:
  Link(const LinkConfig& config, Random& random) : config_(config), random_(&random) {}

  /// When the copies of a packet arrive: none, one or two. Valid until the next call.
  [[nodiscard]] std::span<const std::int64_t> carry(std::int64_t depart_ns) {
    count_ = 0;
    const bool out = config_.outage_at_ns >= 0 && depart_ns >= config_.outage_at_ns &&
                     depart_ns < config_.outage_at_ns + config_.outage_ns;
    if (out || random_->chance(config_.lost_ppm)) return {};
    arrive(depart_ns);
    if (random_->chance(config_.duplicated_ppm)) arrive(depart_ns);
    return std::span(arrivals_).first(count_);
  }

 private:
  void arrive(std::int64_t depart_ns) {
    auto arrival = depart_ns + config_.delay_ns + random_->between(0, config_.jitter_ns);
    if (random_->chance(config_.reordered_ppm)) {
      arrival += random_->between(0, config_.held_back_ns);
    } else {
      arrival = last_ns_ = std::max(arrival, last_ns_);
    }
    arrivals_[count_++] = arrival;
  }

  LinkConfig config_;
  Random* random_;
  std::int64_t last_ns_ = 0;
  std::array<std::int64_t, 2> arrivals_{};
  std::size_t count_ = 0;
};

}  // namespace netobs::sim
