// A reflector that wastes a known time on every reply: what a regression looks like to a sender.
//
//   slow_reflector PORT PLACE NANOSECONDS
//
// PLACE: residence (between receiving a probe and writing its reply) or stack (between the reply's
// app_tx and the send call). Plain system calls, blocking, all layers. Until SIGINT or SIGTERM.

#include <pthread.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <string_view>

#include "app/layer_selection.hpp"
#include "app/reflector_service.hpp"
#include "linux/os/clock.hpp"
#include "linux/transport/holding_transport.hpp"

namespace {

using netobs::Duration;

void waste(Duration time) {
  const auto end = netobs::os::monotonic_now() + time;
  while (netobs::os::monotonic_now() < end) {
  }
}

netobs::TransportStops stops_at(std::string_view place, Duration time) {
  netobs::TransportStops stops;
  if (place == "residence") stops.before_write = [time] { waste(time); };
  if (place == "stack") stops.before_send = [time](auto&&) { waste(time); };
  return stops;
}

template <class T>
bool read_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

int serve(std::uint16_t port, std::string_view place, Duration time) {
  netobs::app::ReflectorOptions options;
  options.listen = netobs::Endpoint::v4({0, 0, 0, 0}, port);
  options.transport = "syscall";
  options.layers = *netobs::app::parse_layers("auto");
  options.wrap_transport = [&](std::unique_ptr<netobs::LinuxTransport> inner) {
    return netobs::make_holding_transport(std::move(inner), stops_at(place, time));
  };
  auto service = netobs::app::ReflectorService::start(options);
  if (!service) {
    std::fprintf(stderr, "slow_reflector: %s\n", service.error().message().c_str());
    return 1;
  }
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  int number = 0;
  sigwait(&ends, &number);
  service->stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  long nanoseconds = 0;
  const bool usable = argc == 4 && read_number(argv[1], port) && read_number(argv[3], nanoseconds);
  const std::string_view place = usable ? argv[2] : "";
  if (nanoseconds < 0 || (place != "residence" && place != "stack")) {
    std::fputs("usage: slow_reflector PORT residence|stack NANOSECONDS\n", stderr);
    return 2;
  }
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // for the service's thread too
  return serve(port, place, Duration(nanoseconds));
}
