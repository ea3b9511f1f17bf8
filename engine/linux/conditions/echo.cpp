#include "linux/conditions/echo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/conditions/ping_text.hpp"
#include "core/stats/jitter.hpp"
#include "linux/conditions/icmp_socket.hpp"
#include "linux/os/child_process.hpp"
#include "linux/os/clock.hpp"

namespace netobs::conditions {
namespace {

struct Request {
  MonotonicTime called;          // just before the send call
  std::int64_t called_realtime;  // the same on the clock of the kernel's timestamps
  std::optional<std::int64_t> rtt_ns;
};

/// One series: sends on schedule, takes replies as they come.
class Series {
 public:
  Series(IcmpSocket& socket, const EchoOptions& options) : socket_(socket), options_(options) {
    requests_.reserve(options.count);
  }

  EchoSeries run() {
    const auto start = os::monotonic_now();
    for (std::uint16_t i = 0; i < options_.count && !stopped(); ++i) {
      receive_until(start + options_.interval * i, false);
      if (stopped()) break;
      requests_.push_back({os::monotonic_now(), os::realtime_now().ns, std::nullopt});
      // What cannot be sent is lost, like what gets no further than the next router.
      (void)socket_.send(i, options_.payload_bytes);
    }
    receive_until(os::monotonic_now() + options_.timeout, true);
    if (series_.received == 0) series_.last_errno = socket_.take_error();
    return finish();
  }

 private:
  [[nodiscard]] bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }
  [[nodiscard]] bool complete() const { return series_.received == requests_.size(); }

  void receive_until(MonotonicTime end, bool until_complete) {
    constexpr Duration look = std::chrono::milliseconds(100);
    while (!(until_complete && complete())) {
      while (auto reply = socket_.receive()) take(*reply);
      const auto left = end - os::monotonic_now();
      if (left <= Duration::zero() || (!until_complete && stopped())) return;
      if (until_complete && complete()) return;
      socket_.wait(std::min(left, look));
    }
  }

  void take(const EchoReply& reply) {
    if (reply.sequence >= requests_.size()) return;
    Request& request = requests_[reply.sequence];
    if (request.rtt_ns) return;  // a duplicate
    const auto by_application = (reply.seen - request.called).count();
    const auto sent = socket_.sent_at(reply.sequence);
    auto rtt_ns = reply.rx_ns - sent.value_or(request.called_realtime);
    // The kernel's interval lies within the application's; else the clock was set meanwhile.
    if (rtt_ns < 0 || rtt_ns > by_application) {
      rtt_ns = by_application;
    } else if (sent && reply.kernel_stamped) {
      ++series_.kernel_stamped;
    }
    request.rtt_ns = rtt_ns;
    ++series_.received;
    if (reply.ttl) series_.ttl = reply.ttl;
  }

  EchoSeries finish() {
    series_.method = socket_.method();
    series_.sent = requests_.size();
    stats::InterarrivalJitter jitter;
    for (const auto& request : requests_) {
      if (!request.rtt_ns) continue;
      series_.rtt.add(*request.rtt_ns);
      jitter.add(*request.rtt_ns);
    }
    series_.jitter_ns = jitter.ns();
    return std::move(series_);
  }

  IcmpSocket& socket_;
  const EchoOptions& options_;
  std::vector<Request> requests_;
  EchoSeries series_;
};

/// The system's ping, which may have the right that this process lacks.
Result<EchoSeries> measure_with_ping(const EchoOptions& options, const Error& why) {
  constexpr std::size_t output_bytes = 1U << 20U;
  using Seconds = std::chrono::duration<double>;
  const auto interval_s = Seconds(options.interval).count();
  const auto patience = std::chrono::ceil<std::chrono::seconds>(options.timeout).count();
  const auto ran = os::run_bounded(
      {"ping", "-n", "-c", fmt::format("{}", options.count), "-i",
       fmt::format("{:.3f}", interval_s), "-s", fmt::format("{}", options.payload_bytes), "-W",
       fmt::format("{}", patience), "--", options.target.address_text()},
      {.output_bytes = output_bytes,
       .time = options.interval * options.count + 2 * options.timeout + std::chrono::seconds(5),
       .stop = options.stop});
  if (!ran) {
    auto error = why;
    error.cause += " The system's ping cannot help: " + ran.error().brief() + ".";
    return fail(std::move(error));
  }
  auto series = parse_ping(ran->text);
  if (!series && !ran->errors.empty()) series.error().cause += " " + ran->errors;
  return series;
}

}  // namespace

Result<EchoSeries> measure_echo(const EchoOptions& options) {
  auto socket = IcmpSocket::open(options.target);
  if (!socket && socket.error().sys_errno == EACCES) {
    return measure_with_ping(options, socket.error());
  }
  if (!socket) return fail(socket.error());
  return Series(*socket, options).run();
}

}  // namespace netobs::conditions
