// The reflector against a hostile network: datagrams and timestamp events cut from the input.
// Whatever comes, a reply has the size of its request, or 44 octets for a shorter one.

#include <algorithm>
#include <memory>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/session/reflector.hpp"
#include "fuzz/fuzz.hpp"

using namespace netobs;

namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::size_t step_header = 4;

std::unique_ptr<Reflector> make_reflector(std::uint8_t variant) {
  ReflectorConfig config;
  config.stateful = (variant & 1U) != 0;
  config.unique_timestamp_ids = (variant & 2U) != 0;
  config.max_sessions = 8;
  config.max_sessions_per_source = 4;
  config.session_expiry = std::chrono::milliseconds(50);
  config.available = PointSet(0x7fff);
  config.entries.capacity = 8;
  config.recent_sends = 8;
  config.pending_hook_events = 8;
  config.rate = {.packets_per_second = 100'000, .burst_packets = 50, .max_sources = 4};
  if ((variant & 4U) != 0) config.auth_key = std::vector<std::byte>(16, std::byte{7});
  return std::move(*Reflector::make(std::move(config)));
}

struct World {
  std::unique_ptr<Reflector> reflector;
  wire::Hmac hmac = fuzz::hmac();
  bool authenticated = false;
  std::int64_t now_ns = 0;
  std::vector<std::byte> out = std::vector<std::byte>(4096);
};

Endpoint peer_of(std::uint8_t selector) {
  return Endpoint::v4({198, 18, 0, static_cast<std::uint8_t>(selector & 7U)},
                      static_cast<std::uint16_t>(selector < 250 ? 4000 + (selector >> 6U) : 862));
}

void datagram(World& world, std::uint8_t selector, std::span<const std::byte> payload) {
  // A peer with the key: seals what it sends, so that the code behind the HMAC is reached.
  std::vector<std::byte> request(payload.begin(), payload.end());
  if (world.authenticated && request.size() >= 112) wire::seal(request, world.hmac);
  const auto reply = world.reflector->on_datagram({.payload = request,
                                                   .peer = peer_of(selector),
                                                   .local = Endpoint::v4({198, 18, 1, 1}, 0),
                                                   .app_rx_ns = world.now_ns,
                                                   .rx_software_ns = world.now_ns,
                                                   .rx_hardware_ns = {},
                                                   .ttl = selector,
                                                   .truncated = false},
                                                  {world.now_ns}, world.out);
  if (!reply) return;
  const std::size_t base = world.authenticated ? 112 : 44;
  NETOBS_CHECK(reply->size == std::max(request.size(), base), "reply {} to {}", reply->size,
               request.size());
  NETOBS_CHECK(reply->peer == peer_of(selector), "reply to {}", reply->peer.text());
  world.reflector->stamp_t3(reply->key, std::span(world.out).first(reply->size), world.now_ns + 10);
}

void event(World& world, std::uint8_t kind, std::uint8_t selector,
           std::span<const std::byte> rest) {
  const std::uint32_t number = rest.size() >= 2 ? load_be<std::uint16_t>(rest, 0) & 0xfU : 0;
  const auto point = static_cast<Point>(selector % point_count);
  if (kind % 4 == 3) {
    world.reflector->events_drained();
  } else if (kind % 4 == 0) {
    world.reflector->on_tx_timestamp(number, point, world.now_ns);
  } else if (kind % 4 == 1) {
    world.reflector->on_hook_event({.ns = world.now_ns,
                                    .peer = peer_of(selector),
                                    .sequence = number,
                                    .sender_sequence = 0,
                                    .ssid = 0,
                                    .point = point});
  } else {
    world.reflector->on_send_failure({.id = number, .sys_errno = 1});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = fuzz::input(data, size);
  if (bytes.empty()) return 0;
  const auto variant = std::to_integer<std::uint8_t>(bytes[0]);
  World world{.reflector = make_reflector(variant), .authenticated = (variant & 4U) != 0};
  bytes = bytes.subspan(1);
  // Each step: kind, selector, length (2), then so many octets.
  while (bytes.size() >= step_header) {
    const auto kind = std::to_integer<std::uint8_t>(bytes[0]);
    const auto selector = std::to_integer<std::uint8_t>(bytes[1]);
    const std::size_t wanted = load_be<std::uint16_t>(bytes, 2) % 2048;
    const auto rest = bytes.subspan(step_header);
    const auto payload = rest.first(std::min(wanted, rest.size()));
    world.now_ns += kind % 7 * ns_per_ms;
    if ((kind & 0x80U) != 0) {
      event(world, kind, selector, payload);
    } else {
      datagram(world, selector, payload);
    }
    bytes = rest.subspan(payload.size());
  }
  const auto& counters = world.reflector->counters();
  std::uint64_t accounted = counters.answered;
  for (const auto dropped : counters.dropped) accounted += dropped;
  NETOBS_CHECK(accounted == counters.received, "{} of {} accounted for", accounted,
               counters.received);
  NETOBS_CHECK(world.reflector->sessions() <= 8, "{} sessions", world.reflector->sessions());
  return 0;
}
