#include "app/reflector_service.hpp"

#include <sched.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <thread>

#include "app/reflector_loop.hpp"
#include "linux/os/tuning.hpp"

namespace netobs::app {

struct ReflectorService::Shared {
  ReflectorState state;
  ReflectorCounters counters;
  std::atomic<bool> stop{false};
  std::thread thread;
};

namespace {

Result<void> settle_thread(const ReflectorOptions& options) {
  if (options.network_namespace_fd >= 0 &&
      ::setns(options.network_namespace_fd, CLONE_NEWNET) != 0) {
    return fail({.what = "enter the reflector's network namespace",
                 .sys_errno = errno,
                 .cause = "It needs CAP_SYS_ADMIN.",
                 .remedy = "Run it with sudo."});
  }
  (void)os::set_timer_slack_ns(1);
  if (options.cpu) return os::pin_thread_to_cpu(static_cast<unsigned>(*options.cpu));
  return {};
}

}  // namespace

ReflectorService::ReflectorService(std::unique_ptr<Shared> shared) : shared_(std::move(shared)) {}
ReflectorService::ReflectorService(ReflectorService&&) noexcept = default;
ReflectorService::~ReflectorService() {
  if (shared_) (void)stop();
}

const ReflectorState& ReflectorService::state() const {
  return shared_->state;
}

ReflectorCounters ReflectorService::stop() {
  if (shared_->thread.joinable()) {
    shared_->stop.store(true, std::memory_order_relaxed);
    shared_->thread.join();
  }
  return shared_->counters;
}

Result<ReflectorService> ReflectorService::start(const ReflectorOptions& options) {
  auto shared = std::make_unique<Shared>();
  std::promise<Result<void>> ready;
  auto outcome = ready.get_future();
  shared->thread = std::thread([&options, &ready, state = shared.get()] {
    if (auto settled = settle_thread(options); !settled) return ready.set_value(std::move(settled));
    auto loop = ReflectorLoop::make(options);
    if (!loop) return ready.set_value(std::unexpected(std::move(loop).error()));
    state->state = loop->state();
    // From here on `options` and `ready` may be gone.
    ready.set_value({});
    loop->run(state->stop);
    state->counters = loop->counters();
  });
  auto started = outcome.get();
  if (!started) {
    shared->thread.join();
    return std::unexpected(std::move(started).error());
  }
  return ReflectorService(std::move(shared));
}

}  // namespace netobs::app
