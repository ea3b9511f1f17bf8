// How many probes of 64 octets one core can send through a transport, over a veth pair whose far
// end drops each at its first hook: what is compared is sending. Transports take turns; first with
// no timestamps at all, then each with those of its own path.
//
// Usage: send_rate [ROUNDS] [MILLISECONDS of each turn]

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "linux/bpf/xdp_reflector.hpp"
#include "linux/lab/veth_lab.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/link_device.hpp"
#include "linux/os/tuning.hpp"
#include "linux/transport/udp_transport.hpp"

namespace netobs {
namespace {

constexpr std::uint16_t port = 8620;
constexpr std::size_t payload_bytes = 64;
constexpr std::size_t batch = 32;

/// An XDP reflector that allows nobody.
Result<linux_bpf::XdpReflector> attach_sink(const lab::VethLab& lab) {
  NETOBS_TRY(scope, os::NamespaceScope::enter(lab.reflector_side()));
  (void)scope;
  NETOBS_TRY(device, os::link_device(lab::VethLab::reflector_interface));
  linux_bpf::XdpReflectorOptions options;
  options.ifindex = device.index;
  options.local_addresses = {lab::VethLab::reflector_v4(0)};
  options.local_port = port;
  options.mac = device.mac;
  options.allow = {Prefix::of(Endpoint::v4({198, 19, 255, 255}, 0), 32)};
  NETOBS_TRY(sink, linux_bpf::XdpReflector::load(options));
  NETOBS_TRY_VOID(sink.attach(linux_bpf::XdpMode::native, false));
  return std::move(sink);
}

struct Turn {
  double sent_per_second = 0;
  std::uint64_t failures = 0;
};

Result<Turn> send_for(const lab::VethLab& lab, const TransportKind& kind, bool timestamps,
                      Duration time) {
  NETOBS_TRY(scope, os::NamespaceScope::enter(lab.sender_side()));
  (void)scope;
  TransportOptions options;
  options.remote = lab::VethLab::reflector_v4(port);
  options.receive_ttl = false;
  if (timestamps) options.points = kind.points_on_path.without(points_of(Layer::nic));
  NETOBS_TRY(transport, make_transport(kind.name, options));
  Turn turn;
  std::uint64_t sent = 0;
  const auto began = os::monotonic_now();
  auto now = began;
  while (now - began < time) {
    const auto slots = transport->acquire(batch);
    for (auto* slot : slots) {
      slot->size = payload_bytes;
      slot->timestamp_id = static_cast<std::uint32_t>(sent);
      store_be<std::uint32_t>(slot->buffer, 0, static_cast<std::uint32_t>(sent++));
    }
    transport->submit(slots.size());
    now = os::monotonic_now();
    turn.failures += transport->poll(now, WaitMode::spin).send_failures.size();
  }
  turn.sent_per_second = static_cast<double>(sent - turn.failures) /
                         (static_cast<double>((now - began).count()) / 1e9);
  return turn;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Result<void> compare(const lab::VethLab& lab, bool timestamps, int rounds, Duration time) {
  fmt::print("{}\n", timestamps ? "with the timestamps of each path" : "without timestamps");
  std::map<std::string, std::vector<double>> rates;
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& kind : transport_table()) {
      const std::string name(kind.name);
      NETOBS_TRY(turn, send_for(lab, kind, timestamps, time));
      rates[name].push_back(turn.sent_per_second);
      if (turn.failures > 0) fmt::print("{}: {} sends failed\n", name, turn.failures);
    }
    ratios.push_back(rates["af_xdp"].back() / rates["io_uring"].back());
  }
  for (const auto& [name, values] : rates) {
    fmt::print("  {:<10} {:>9.0f} packets/s (median of {} rounds)\n", name, median(values), rounds);
  }
  const auto [low, high] = std::ranges::minmax(ratios);
  fmt::print("  af_xdp / io_uring: {:.2f} (lowest {:.2f}, highest {:.2f})   goal >= 4   {}\n",
             median(ratios), low, high, median(ratios) >= 4 ? "met" : "NOT MET");
  return {};
}

Result<void> run(int rounds, Duration time) {
  NETOBS_TRY(lab, lab::VethLab::create());
  NETOBS_TRY(sink, attach_sink(lab));
  NETOBS_TRY_VOID(os::pin_thread_to_cpu(0));
  for (const bool timestamps : {false, true}) {
    NETOBS_TRY_VOID(compare(lab, timestamps, rounds, time));
  }
  fmt::print("the far end counted {} datagrams\n", sink.counters().received);
  return {};
}

}  // namespace
}  // namespace netobs

int main(int count, char** arguments) {
  const int rounds = count > 1 ? std::max(1, std::atoi(arguments[1])) : 7;
  const int milliseconds = count > 2 ? std::max(10, std::atoi(arguments[2])) : 500;
  const auto outcome = netobs::run(rounds, std::chrono::milliseconds(milliseconds));
  if (outcome) return 0;
  fmt::print(stderr, "send_rate: {}\n", outcome.error().message());
  return static_cast<int>(outcome.error().exit);
}
