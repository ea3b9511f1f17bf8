#include "app/conditions/background_test.hpp"

#include <fmt/format.h>

#include <cerrno>

#include "linux/conditions/tcp_connections.hpp"
#include "linux/os/clock.hpp"

namespace netobs::app {
namespace {

constexpr Duration look = std::chrono::milliseconds(10);
constexpr Duration longest_connect = std::chrono::seconds(5);
/// Between the end of start() and the first probe; threads are started meanwhile.
constexpr Duration start_slack = std::chrono::milliseconds(200);

std::unexpected<Error> refused(int code, std::string cause, std::string remedy) {
  return fail({.what = "fill the link with iperf3",
               .sys_errno = code,
               .cause = std::move(cause),
               .remedy = std::move(remedy)});
}

}  // namespace

BackgroundTest::~BackgroundTest() {
  stop();
  if (thread_.joinable()) thread_.join();
}

Result<void> BackgroundTest::start(Duration ramp_up, const std::atomic<bool>& stop) {
  not_connected_ = os::monotonic_now();
  thread_ = std::thread([this] {
    outcome_ = run_iperf3(test_, stop_);
    ended_.store(true, std::memory_order_release);
  });
  NETOBS_TRY_VOID(wait_for_connections(stop));
  const auto end = os::monotonic_now() + ramp_up;
  while (os::monotonic_now() < end) {
    NETOBS_TRY_VOID(still_wanted(stop));
    std::this_thread::sleep_for(look);
  }
  NETOBS_TRY(there, connected());
  if (!there) return refused(ENOTCONN, "Its connections closed before the first probe.", "");
  flowing_ = os::monotonic_now();
  return {};
}

Result<void> BackgroundTest::wait_for_connections(const std::atomic<bool>& stop) {
  const auto limit = not_connected_ + longest_connect;
  while (true) {
    NETOBS_TRY_VOID(still_wanted(stop));
    const auto now = os::monotonic_now();
    NETOBS_TRY(there, connected());
    if (there) return {};
    not_connected_ = now;
    if (now >= limit) {
      return refused(ETIMEDOUT, "It did not connect to its server.",
                     "Let its port through the firewalls; look whether its server hangs.");
    }
    std::this_thread::sleep_for(look);
  }
}

/// The test has one connection for control from the beginning; those for data come when the server
/// has taken it.
Result<bool> BackgroundTest::connected() const {
  NETOBS_TRY(count, conditions::tcp_connections_to(server_));
  return count > test_.streams;
}

Result<void> BackgroundTest::still_wanted(const std::atomic<bool>& stop) {
  if (stop.load()) return refused(ECANCELED, "", "");
  if (!ended_.load(std::memory_order_acquire)) return {};
  if (!*outcome_) return std::unexpected(outcome_->error());
  return refused(EPROTO, "It ended before the first probe.", "");
}

Result<conditions::Throughput> BackgroundTest::finish(Duration time,
                                                      const std::atomic<bool>& stop) {
  while (!ended_.load(std::memory_order_acquire)) {
    if (stop.load()) this->stop();
    std::this_thread::sleep_for(look);
  }
  if (!*outcome_) return std::unexpected(outcome_->error());
  // Data cannot have begun before it was connected, so it went on at least until then.
  const std::chrono::duration<double> from_connecting =
      flowing_ + time + start_slack - not_connected_;
  const auto& test = **outcome_;
  if (test.received_bps <= 0) return refused(ENODATA, "No data came through.", "");
  if (test.seconds < from_connecting.count()) {
    return refused(ENODATA,
                   fmt::format("It sent for {:.1f} s; {:.1f} s would have covered every probe.",
                               test.seconds, from_connecting.count()),
                   "");
  }
  return test;
}

}  // namespace netobs::app
