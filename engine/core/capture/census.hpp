#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/capture/link_frame.hpp"

namespace netobs::capture {

/// What else is in a capture, for who finds no session in it. Fixed memory; looks at the first
/// million datagrams.
class Census {
 public:
  struct Port {
    std::uint16_t port = 0;
    std::uint64_t datagrams = 0;
    std::uint64_t echoes = 0;  ///< that repeat the payload of one the other way
  };

  void add(const Datagram& datagram);

  [[nodiscard]] std::uint64_t echo_requests() const { return echo_requests_; }
  [[nodiscard]] std::uint64_t echo_replies() const { return echo_replies_; }
  [[nodiscard]] std::uint64_t udp() const { return udp_; }
  [[nodiscard]] std::uint64_t udp_echoes() const { return udp_echoes_; }
  /// The busiest ports, most first. The lower of a datagram's two ports counts.
  [[nodiscard]] std::vector<Port> ports(std::size_t at_most) const;

 private:
  struct Latest {
    std::uint64_t flow = 0;
    std::array<std::uint64_t, 2> payload{};  // by side; 0 = none
  };

  std::uint64_t echo_requests_ = 0;
  std::uint64_t echo_replies_ = 0;
  std::uint64_t udp_ = 0;
  std::uint64_t udp_echoes_ = 0;
  std::vector<Port> by_port_;  // all of them, from the first datagram on
  std::vector<Latest> latest_;
};

}  // namespace netobs::capture
