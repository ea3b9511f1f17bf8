#pragma once
// Everything between a checked configuration and the first measured probe: socket, hooks, a short
// warm-up that shows what really delivers, and from that the plan of the run.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/hook_setup.hpp"
#include "app/run_config.hpp"
#include "app/run_control.hpp"
#include "core/correlate/correlator.hpp"
#include "core/session/sender.hpp"
#include "core/stats/ledger.hpp"
#include "core/stats/path.hpp"
#include "linux/os/interface.hpp"
#include "linux/transport/udp_transport.hpp"

namespace netobs::app {

/// What the warm-up saw of one point.
struct PointEvidence {
  std::uint32_t captured = 0;    ///< timestamps in the warm-up
  std::optional<Error> refused;  ///< why it could not be switched on, or that it did not deliver
};

struct PreparedSession {
  Endpoint remote;
  os::InterfaceFacts interface;
  std::unique_ptr<LinuxTransport> transport;
  std::unique_ptr<HookSet> hooks;  ///< null when no hook is attached
  std::optional<NicSide> nic;      ///< the NIC, set for hardware timestamps
  SenderConfig sender;
  ReflectorInfo reflector;
  stats::RunPlan plan{};
  stats::ClockRelation clocks;
  std::vector<std::string> leftovers;  ///< what a crashed run had changed on a NIC and was put back
  /// By index(Host): its hardware times will be on the scale of CLOCK_REALTIME.
  std::array<bool, host_count> nic_converted{};
  std::uint32_t warmup_replies = 0;
  std::array<PointEvidence, slot_count> evidence;

  [[nodiscard]] CorrelatorConfig correlator() const;
};

/// Runs on the hot thread, in the network namespace that the probes shall leave from. Takes up to
/// about three seconds when the other end is slow. Errors: unknown host, no route, closed port, no
/// answer, a layer that was asked for by name and does not deliver.
[[nodiscard]] Result<PreparedSession> prepare_session(const RunConfig& config,
                                                      const RunControl& control);

/// One-way delays need proof: one kernel on both ends, or both ends' word that they are
/// synchronised, and then within the sum of their bounds. theirs: nullopt when the reflector gave
/// none.
[[nodiscard]] stats::ClockRelation clock_relation(bool one_kernel, const wire::ErrorEstimate& ours,
                                                  const std::optional<wire::ErrorEstimate>& theirs);

/// Tells processes that share a kernel, and so CLOCK_REALTIME, from others. Never 0.
[[nodiscard]] std::uint64_t own_clock_identity();

}  // namespace netobs::app
