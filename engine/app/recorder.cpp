#include "app/recorder.hpp"

#include <pthread.h>
#include <sched.h>

#include "linux/os/clock.hpp"

namespace netobs::app {
namespace {

constexpr std::size_t batch_size = 4096;
/// Long enough that a spinning hot thread on the same CPU is disturbed rarely, short enough that
/// the queue (a quarter of a million observations) never fills at a million packets per second.
constexpr std::chrono::milliseconds idle_pause(5);
constexpr Duration publish_interval = std::chrono::milliseconds(100);
constexpr Duration snapshot_interval = std::chrono::milliseconds(500);
constexpr Duration look_interval = std::chrono::milliseconds(100);
constexpr std::size_t max_steps_kept = 16;

void run_on(const std::vector<int>& cpus) {
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(static_cast<std::size_t>(cpu), &set);
  // Best effort: a refusal costs some disturbance, nothing else.
  (void)::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

}  // namespace

Recorder::Recorder(ObservationQueue& observations, const CorrelatorConfig& correlator,
                   const stats::RunStatisticsConfig& statistics, RecordSinks sinks,
                   std::vector<int> cpus)
    : observations_(&observations),
      correlator_(correlator),
      statistics_(statistics),
      sinks_(std::move(sinks)),
      live_(statistics.clocks),
      began_(os::monotonic_now()),
      batch_(batch_size),
      thread_([this, allowed = std::move(cpus)] { run(allowed); }) {}

Recorder::~Recorder() {
  finish();
}

void Recorder::finish() {
  if (!thread_.joinable()) return;
  stop_.store(true, std::memory_order_release);
  thread_.join();
}

void Recorder::run(const std::vector<int>& cpus) {
  run_on(cpus);
  for (const auto& look : sinks_.nic_looks) correlator_.on_nic_clock(look);
  auto publish_at = os::monotonic_now();
  while (true) {
    // Read before the queue: what was pushed before the stop is then taken below.
    const bool stopping = stop_.load(std::memory_order_acquire);
    const auto taken = take_observations();
    look_at_nic(os::monotonic_now());
    const auto now = os::monotonic_now();
    // While observations wait in the queue a reply may be among them: nothing is overdue yet, and
    // only complete records close.
    const bool drained = taken < batch_size;
    keep(correlator_.close(drained ? now : MonotonicTime{}));
    if (sinks_.turn) sinks_.turn();
    if (now >= publish_at) {
      publish_intervals(false, now);
      publish_progress(now);
      publish_at = now + publish_interval;
    }
    if (taken == batch_size) continue;
    if (stopping) break;
    std::this_thread::sleep_for(idle_pause);
  }
  keep(correlator_.finish());
  snapshot_at_ = {};  // the last one shows everything
  publish_intervals(true, os::monotonic_now());
  publish_progress(os::monotonic_now());
}

std::size_t Recorder::take_observations() {
  const auto count = observations_->pop(batch_);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& observation = batch_[i];
    correlator_.add(observation);
    if (observation.kind == Observation::Kind::clock_step && clock_steps_.size() < max_steps_kept) {
      clock_steps_.push_back(observation.value_ns);
    }
  }
  return count;
}

/// Before records close: they are converted by the latest look.
void Recorder::look_at_nic(MonotonicTime now) {
  if (!sinks_.look_at_nic || now < look_at_) return;
  look_at_ = now + look_interval;
  if (const auto look = sinks_.look_at_nic()) correlator_.on_nic_clock(*look);
}

void Recorder::keep(std::span<const ProbeRecord> records) {
  if (records.empty()) return;
  for (const auto& record : records) {
    statistics_.fold(record);
    const auto round_trip = stats::rtt_ns(record, stats::view_table.front());
    if (round_trip && record.outcome == Outcome::answered) round_trip_.add(*round_trip);
  }
  sinks_.probes(records);
  closed_.fetch_add(records.size(), std::memory_order_relaxed);
}

void Recorder::publish_intervals(bool flush, MonotonicTime now) {
  statistics_.note_late_duplicates(correlator_.counters().late_duplicates);
  auto rollups = statistics_.take_finished_intervals(flush);
  auto counts = statistics_.take_finished_counts();
  // The second that a flush cuts off is no second.
  if (sinks_.live && !flush) live_.take(rollups, counts, now);
  sinks_.rollups(std::move(rollups));
  sinks_.counts(std::move(counts));
}

void Recorder::publish_progress(MonotonicTime now) {
  Progress progress;
  const auto& probes = statistics_.probes();
  progress.sent = probes.sent;
  progress.received = probes.received;
  progress.lost = probes.lost;
  progress.rtt_p50_ns = round_trip_.quantile(stats::p50);
  progress.rtt_p99_ns = round_trip_.quantile(stats::p99);
  if (sinks_.live && now - snapshot_at_ >= snapshot_interval) {
    snapshot_ =
        std::make_shared<const report::LiveSnapshot>(live_.snapshot(statistics_, began_, now));
    snapshot_at_ = now;
  }
  progress.live = snapshot_;
  sinks_.progress(progress);
}

}  // namespace netobs::app
