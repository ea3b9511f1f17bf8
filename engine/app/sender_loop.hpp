#pragma once

#include <atomic>
#include <cstdint>

#include "app/clock_watch.hpp"
#include "app/run_control.hpp"
#include "core/session/sender.hpp"

namespace netobs::app {

/// The hot thread of a run: asks the sender what is next, moves packets and events, waits. It owns
/// nothing; everything it works on belongs to the calling thread for the time of run().
class SenderLoop {
 public:
  struct Parts {
    Transport& transport;
    HookSource* hooks;  ///< null when no hook is attached
    Sender& sender;
    ObservationQueue& observations;
    const std::atomic<std::uint64_t>& closed_records;  ///< published by the record thread
    const RunControl& control;
  };
  SenderLoop(const Parts& parts, WaitMode wait)
      : parts_(parts), wait_(wait), clock_watch_(parts.observations) {}

  /// Returns when the session is over, at the latest a timeout and a drain after the last probe.
  void run();

 private:
  void send_due(MonotonicTime now);
  void receive(MonotonicTime until, MonotonicTime now);
  void poll_transport(MonotonicTime until, WaitMode wait);
  void poll_hooks();

  Parts parts_;
  WaitMode wait_;
  ClockWatch clock_watch_;
};

}  // namespace netobs::app
