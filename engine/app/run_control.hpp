#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/report/live_snapshot.hpp"

namespace netobs::app {

/// What a run shows of itself while it goes on. A snapshot.
struct Progress {
  std::string phase;   ///< "warming up", "measuring", "storing"
  std::string target;  ///< "198.18.0.2:862 over va0 (veth: no wire)"; empty before it is known
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t lost = 0;
  std::optional<std::int64_t> rtt_p50_ns;
  std::optional<std::int64_t> rtt_p99_ns;
  /// About twice a second a new one, where somebody watches; else nullptr.
  std::shared_ptr<const report::LiveSnapshot> live;
};

/// Between a run and whoever watches it. Any thread.
class RunControl {
 public:
  /// First request: no more probes, what is under way is still awaited and everything is kept.
  /// Second request: nothing is awaited any more; what was measured is still kept.
  void request_stop() {
    if (stop_.exchange(true)) abandon_.store(true);
  }
  [[nodiscard]] const std::atomic<bool>& stop() const { return stop_; }
  [[nodiscard]] const std::atomic<bool>& abandon() const { return abandon_; }

  /// Of a command that makes several runs: stands before the phase of each.
  void begin_part(std::string part) {
    const std::lock_guard lock(mutex_);
    part_ = std::move(part) + ": ";
  }
  /// What comes after the last of them has a phase without a part again.
  void end_parts() {
    const std::lock_guard lock(mutex_);
    part_.clear();
  }
  void enter(const std::string& phase) {
    const std::lock_guard lock(mutex_);
    progress_.phase = part_ + phase;
  }
  void set_target(std::string target) {
    const std::lock_guard lock(mutex_);
    progress_.target = std::move(target);
  }
  /// All but phase and target, which stay.
  void publish(const Progress& progress) {
    const std::lock_guard lock(mutex_);
    auto phase = std::move(progress_.phase);
    auto target = std::move(progress_.target);
    progress_ = progress;
    progress_.phase = std::move(phase);
    progress_.target = std::move(target);
  }
  /// Somebody shows Progress::live. Say so before the run.
  void watch() { watched_.store(true); }
  [[nodiscard]] bool watched() const { return watched_.load(); }
  /// Something for the reader beside the summary: what happened to rows of earlier runs, for
  /// example.
  void tell(std::string message) {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }
  [[nodiscard]] std::vector<std::string> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  [[nodiscard]] Progress progress() const {
    const std::lock_guard lock(mutex_);
    return progress_;
  }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<bool> abandon_{false};
  std::atomic<bool> watched_{false};
  mutable std::mutex mutex_;
  std::string part_;
  Progress progress_;
  std::vector<std::string> messages_;
};

}  // namespace netobs::app
