#pragma once

#include <array>
#include <cstdint>

#include "core/sim/random.hpp"
#include "core/sim/scenario.hpp"
#include "core/sim/truth.hpp"

namespace netobs::sim {

/// The stack of one host: how long packets take from point to point, and what its clocks show.
class HostModel {
 public:
  HostModel(const HostConfig& config, Random& random) : config_(config), random_(&random) {}

  /// CLOCK_REALTIME.
  [[nodiscard]] std::int64_t clock_ns(std::int64_t true_ns) const;

  /// From app_tx at `start_ns` to the wire. False: dropped on the way.
  [[nodiscard]] bool leave(std::int64_t start_ns, Passage& passage);
  /// From the wire to the socket. False: dropped on the way.
  [[nodiscard]] bool arrive(std::int64_t start_ns, Passage& passage);
  /// From the socket to the application, which has it at app_rx_ns.
  void hand_over(std::int64_t app_rx_ns, Passage& passage);

  [[nodiscard]] bool takes(Point point) const { return config_.points.has(point); }
  /// How much later than it was taken a timestamp can be read; -1 = it cannot be.
  [[nodiscard]] std::int64_t delivery_delay_ns();
  [[nodiscard]] bool withholds() { return random_->chance(config_.withheld_ppm); }
  /// Time until the hot loop runs again.
  [[nodiscard]] std::int64_t pause_ns();
  [[nodiscard]] const HostConfig& config() const { return config_; }

 private:
  void pass(Point point, std::int64_t true_ns, Passage& passage) const;
  /// Packets keep their order inside a host.
  [[nodiscard]] std::int64_t step(Point point, std::int64_t from_ns);

  HostConfig config_;
  Random* random_;
  std::array<std::int64_t, point_count> last_ns_{};
};

}  // namespace netobs::sim
