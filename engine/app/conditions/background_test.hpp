#pragma once

#include <atomic>
#include <optional>
#include <thread>

#include "app/conditions/iperf3_client.hpp"
#include "core/base/endpoint.hpp"
#include "core/base/time.hpp"

namespace netobs::app {

/// An iperf3 test beside something else. Ends with the object.
class BackgroundTest {
 public:
  /// `server`: the address and port that the test connects to.
  BackgroundTest(Iperf3Test test, const Endpoint& server)
      : test_(std::move(test)), server_(server) {}
  ~BackgroundTest();
  BackgroundTest(const BackgroundTest&) = delete;
  BackgroundTest& operator=(const BackgroundTest&) = delete;

  /// Starts it, and returns when data has flowed for `ramp_up`. Call it once. Errors: those of
  /// run_iperf3(), that it does not connect, ECANCELED when `stop` is set.
  [[nodiscard]] Result<void> start(Duration ramp_up, const std::atomic<bool>& stop);
  /// Kills it soon; any thread.
  void stop() { stop_.store(true); }
  /// Waits for its end, which `stop` hastens. An error also when data did not flow for at least
  /// `time` after start() had returned. Only after start() has succeeded.
  [[nodiscard]] Result<conditions::Throughput> finish(Duration time, const std::atomic<bool>& stop);

 private:
  [[nodiscard]] Result<bool> connected() const;
  [[nodiscard]] Result<void> still_wanted(const std::atomic<bool>& stop);
  [[nodiscard]] Result<void> wait_for_connections(const std::atomic<bool>& stop);

  Iperf3Test test_;
  Endpoint server_;
  MonotonicTime not_connected_;  // the last look that found no connections
  MonotonicTime flowing_;        // when start() returned
  std::atomic<bool> stop_{false};
  std::atomic<bool> ended_{false};
  std::optional<Result<conditions::Throughput>> outcome_;  // the thread's until ended_
  std::thread thread_;
};

}  // namespace netobs::app
