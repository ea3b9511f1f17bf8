#pragma once

#include <atomic>
#include <memory>

#include "app/capture_on_demand.hpp"
#include "app/hook_setup.hpp"
#include "app/nic_side.hpp"
#include "app/reflector_service.hpp"
#include "core/clock/step_detector.hpp"
#include "linux/transport/udp_transport.hpp"

namespace netobs::app {

/// What this host's clock is worth now.
[[nodiscard]] wire::ErrorEstimate current_error_estimate();

/// Everything a reflector's thread owns, in the order in which it is made.
class ReflectorLoop {
 public:
  /// Opens socket and hooks. The calling thread must be in the right network namespace.
  [[nodiscard]] static Result<ReflectorLoop> make(const ReflectorOptions& options);

  [[nodiscard]] const ReflectorState& state() const { return state_; }
  /// Answers until `stop`. On the thread that called make().
  void run(const std::atomic<bool>& stop);
  [[nodiscard]] ReflectorCounters counters() const;

 private:
  ReflectorLoop() = default;
  void answer(std::span<const RxDatagram> datagrams, MonotonicTime now);
  void take_hook_events();
  void follow_clock(MonotonicTime now);
  void look_for_clock_step();
  Result<void> open_nic(const ReflectorOptions& options);
  void follow_nic_clock(MonotonicTime now);
  void watch_filter(std::span<const RxDatagram> datagrams);
  void follow_capture(MonotonicTime now);

  ReflectorState state_;
  WaitMode wait_ = WaitMode::block;
  std::optional<NicSide> nic_;
  std::unique_ptr<LinuxTransport> transport_;
  std::unique_ptr<HookSet> hooks_;
  std::optional<CaptureOnDemand> capture_;
  std::unique_ptr<Reflector> reflector_;
  MonotonicTime clock_due_;
  MonotonicTime nic_look_due_;
  std::uint64_t hook_losses_ = 0;
  std::int64_t last_look_ns_ = 0;   // CLOCK_REALTIME
  std::int64_t turn_began_ns_ = 0;  // the look before that
  int nic_interface_index_ = 0;     // of the one that it listens on, be it a VLAN
  bool filter_delivers_ = false;    // a receive time of the NIC has come
  unsigned unstamped_ = 0;          // datagrams by this NIC before any receive time
  StepDetector step_detector_;
};

}  // namespace netobs::app
