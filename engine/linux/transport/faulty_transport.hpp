#pragma once

#include <cstdint>
#include <memory>

#include "core/session/transport.hpp"

namespace netobs {

/// What goes wrong, each in thousandths of the cases, 0 to 1000. The seed decides which; the same
/// seed and the same calls go wrong in the same way.
struct FaultPlan {
  std::uint64_t seed = 1;
  unsigned drop_tx_permille = 0;       ///< a submitted datagram is not sent, and nothing says so
  unsigned drop_rx_permille = 0;       ///< a received datagram is not handed out
  unsigned duplicate_rx_permille = 0;  ///< a received datagram is handed out twice
  unsigned delay_rx_permille = 0;      ///< a received datagram is handed out some polls later
  unsigned delay_polls = 1;            ///< how many polls later, 1 and up
  unsigned withhold_timestamp_permille = 0;  ///< a TX timestamp never comes
};

struct FaultCounts {
  std::uint64_t dropped_tx = 0;
  std::uint64_t dropped_rx = 0;
  std::uint64_t duplicated_rx = 0;
  std::uint64_t delayed_rx = 0;
  std::uint64_t withheld_timestamps = 0;
};

/// A transport that spoils another one's work by a plan, for tests of what sits above.
class FaultyTransport : public Transport {
 public:
  /// How often each fault has happened.
  [[nodiscard]] virtual FaultCounts faults() const = 0;
};

[[nodiscard]] std::unique_ptr<FaultyTransport> make_faulty_transport(
    std::unique_ptr<Transport> inner, const FaultPlan& plan);

}  // namespace netobs
