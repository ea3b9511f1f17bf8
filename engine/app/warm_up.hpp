#pragma once

#include <array>
#include <cstdint>

#include "app/run_control.hpp"
#include "core/session/sender.hpp"

namespace netobs::app {

/// What a short exchange before the run showed.
struct WarmUp {
  std::uint32_t replies = 0;
  std::array<std::uint32_t, slot_count> captured{};  ///< timestamps per slot
  ReflectorInfo reflector;
  SenderCounters counters;
  int last_errno = 0;  ///< of the last failed send, ICMP errors included
};

inline constexpr std::uint64_t warm_up_probes = 20;

/// Sends up to `probes` uncounted probes in a session of their own (another SSID), one by one.
/// They switch the kernel's receive timestamping on, which starts late, fill caches and neighbour
/// tables, and show which points deliver and what the reflector is. wait: that of the run, so that
/// the transport settles into the way of receiving that will be measured. At most about 2.5 s.
[[nodiscard]] Result<WarmUp> warm_up(SenderConfig config, Transport& transport, HookSource* hooks,
                                     const RunControl& control, WaitMode wait,
                                     std::uint64_t probes = warm_up_probes);

}  // namespace netobs::app
