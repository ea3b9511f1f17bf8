#include "app/conditions/loaded.hpp"

#include <sys/socket.h>

#include <future>
#include <thread>
#include <utility>

#include "app/conditions/background_test.hpp"
#include "app/measure.hpp"
#include "core/conditions/loaded.hpp"

namespace netobs::app {
namespace {

using conditions::LoadedRun;
using conditions::LoadPhase;

constexpr std::uint64_t probes_per_second = 100;
/// A queue of 100 ms on the sender's own interface: one connection filled 19 ms of it, four 84 ms
/// (cubic and Reno; BBR 5 to 14 and 24 to 27 ms).
constexpr unsigned streams = 4;
/// TCP finds the rate of most links within it.
constexpr Duration ramp_up = std::chrono::seconds(1);
/// The load goes on for as long after the last probe.
constexpr Duration margin = std::chrono::seconds(1);
/// Full queues of more than a second exist.
constexpr Duration longest_round_trip = std::chrono::seconds(2);
constexpr auto look = std::chrono::milliseconds(20);

class LoadedRuns {
 public:
  LoadedRuns(const LoadedOptions& options, RunControl& control, LayerSelection layers)
      : options_(options), control_(control) {
    config_.host = options.host;
    config_.port = options.reflector_port;
    config_.address_family = options.target.is_v4() ? AF_INET : AF_INET6;
    config_.layers = std::move(layers);
    config_.schedule.kind = ScheduleKind::isochronous;
    config_.schedule.period_ns = 1'000'000'000;
    config_.schedule.period_divisor = probes_per_second;
    config_.duration = options.time;
    config_.timeout = longest_round_trip;
    config_.keep_store = false;
  }

  Result<LoadedRun> idle() {
    NETOBS_TRY(summary, measure_apart(config_, nullptr));
    return conditions::loaded_run(summary, std::nullopt);
  }

  Result<LoadedRun> beside(bool download) {
    const auto port = download ? options_.download_port : options_.upload_port;
    auto server = options_.target;
    server.port = port;
    BackgroundTest test(
        {.address = options_.host,
         .port = port,
         .download = download,
         .time = std::chrono::ceil<std::chrono::seconds>(ramp_up + options_.time + margin),
         .streams = streams},
        server);
    auto config = config_;
    config.taps.before_probes = [&] {
      control_.enter("starting iperf3");
      return test.start(ramp_up, control_.stop());
    };
    NETOBS_TRY(summary, measure_apart(config, &test));
    control_.enter("waiting for the end of iperf3");
    NETOBS_TRY(throughput, test.finish(options_.time, control_.stop()));
    return conditions::loaded_run(summary, throughput);
  }

 private:
  /// A run on a thread of its own, as measure() wants it. A stop ends the test beside it at once.
  Result<report::Summary> measure_apart(const RunConfig& config, BackgroundTest* test) {
    std::packaged_task<Result<report::Summary>()> task([&] { return measure(config, control_); });
    auto outcome = task.get_future();
    std::thread runner(std::move(task));
    while (outcome.wait_for(look) != std::future_status::ready) {
      if (test != nullptr && control_.stop().load()) test->stop();
    }
    runner.join();
    if (test != nullptr && control_.stop().load()) test->stop();
    return outcome.get();
  }

  const LoadedOptions& options_;
  RunControl& control_;
  RunConfig config_;
};

}  // namespace

void measure_loaded(const LoadedOptions& options, RunControl& control,
                    conditions::LoadedLatency& found) {
  found.time = options.time;
  found.probes_per_second = probes_per_second;
  const auto at = [&](LoadPhase phase) -> auto& { return found.runs[conditions::index(phase)]; };
  const auto set_all = [&](const Error& error) {
    for (auto& run : found.runs) run.failure = error;
  };
  const auto layers = parse_layers("auto");
  if (!layers) return set_all(layers.error());
  LoadedRuns runs(options, control, *layers);

  control.begin_part("idle");
  auto idle = runs.idle();
  const bool stopped = control.stop();
  if (stopped && (!idle || idle->received == 0)) return;
  if (!idle) return set_all(idle.error());
  at(LoadPhase::idle) = conditions::Item<LoadedRun>(std::move(idle));

  for (const auto phase : {LoadPhase::upload, LoadPhase::download}) {
    if (control.stop()) break;
    control.begin_part(std::string(conditions::name(phase)));
    auto run = runs.beside(phase == LoadPhase::download);
    if (control.stop()) break;
    at(phase) = conditions::Item<LoadedRun>(std::move(run));
  }
}

}  // namespace netobs::app
