// Bare transport ping-pong: what a round trip costs with nothing of Net Obs but the transport.
//   netobs_pingpong server TRANSPORT ADDRESS PORT CPU 0     WAIT POINTS   until idle for 3 s
//   netobs_pingpong client TRANSPORT ADDRESS PORT CPU COUNT WAIT POINTS
// WAIT: spin or block. POINTS: none, rx, or all (the kernel's timestamps on this side). The client
// prints one line of JSON.
// Run by bench/pingpong.py, which makes the two hosts.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/socket.hpp"
#include "linux/os/tuning.hpp"
#include "linux/transport/udp_transport.hpp"

namespace {

using namespace netobs;

constexpr std::uint32_t loss_limit = 50;
constexpr std::size_t payload_bytes = 64;
constexpr Duration idle_limit = std::chrono::seconds(3);

struct Arguments {
  bool server = false;
  std::string_view transport;
  Endpoint address;
  unsigned cpu = 0;
  std::uint32_t count = 0;
  WaitMode wait = WaitMode::spin;
  PointSet points;
};

template <class T>
T number(std::string_view text) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

PointSet points_named(std::string_view name) {
  PointSet points;
  if (name == "none") return points;
  points.add(Point::rx_software);
  if (name == "all") {
    points.add(Point::tx_sched);
    points.add(Point::tx_software);
  }
  return points;
}

Result<Arguments> parse(std::span<char*> words) {
  if (words.size() != 9) {
    return fail(
        {.what = "usage: server|client TRANSPORT ADDRESS PORT CPU COUNT spin|block none|rx|all",
         .sys_errno = 0,
         .cause = "",
         .remedy = "",
         .exit = ExitCode::usage});
  }
  Arguments arguments;
  arguments.server = std::string_view(words[1]) == "server";
  arguments.transport = words[2];
  NETOBS_TRY(addresses, os::resolve(words[3], number<std::uint16_t>(words[4])));
  arguments.address = addresses.front();
  arguments.cpu = number<unsigned>(words[5]);
  arguments.count = number<std::uint32_t>(words[6]);
  arguments.wait = std::string_view(words[7]) == "block" ? WaitMode::block : WaitMode::spin;
  arguments.points = points_named(words[8]);
  return arguments;
}

void send_copy(Transport& transport, std::uint32_t id, const RxDatagram* reply_to) {
  const auto slots = transport.acquire(1);
  if (slots.empty()) return;
  TxSlot& slot = *slots[0];
  slot.size = payload_bytes;
  store_be<std::uint32_t>(slot.buffer, 0, id);
  slot.timestamp_id = id;
  if (reply_to != nullptr) {
    slot.peer = reply_to->peer;
    slot.local = reply_to->local;
  }
  transport.submit(1);
}

/// One peer, to whom the socket is connected, like sockperf's client; or whoever sends.
int serve(Transport& transport, const Arguments& arguments) {
  for (;;) {
    const auto events = transport.poll(os::monotonic_now() + idle_limit, arguments.wait);
    if (events.empty()) return 0;
    for (const auto& datagram : events.datagrams) {
      send_copy(transport, load_be<std::uint32_t>(datagram.payload, 0), &datagram);
    }
  }
}

/// True when the reply came before `limit`.
bool round_trip(Transport& transport, std::uint32_t id, WaitMode wait, MonotonicTime limit,
                std::uint64_t& timestamps) {
  send_copy(transport, id, nullptr);
  for (;;) {
    const auto events = transport.poll(limit, wait);
    if (events.empty()) return false;
    timestamps += events.tx_timestamps.size();
    for (const auto& datagram : events.datagrams) {
      if (load_be<std::uint32_t>(datagram.payload, 0) == id) return true;
    }
  }
}

int measure(Transport& transport, const Arguments& arguments) {
  const std::uint32_t warm_up = arguments.count / 10;
  std::vector<std::int64_t> samples_ns;
  samples_ns.reserve(arguments.count);
  std::uint64_t timestamps = 0;
  std::uint32_t lost = 0;
  for (std::uint32_t id = 0; id < arguments.count + warm_up && lost < loss_limit; ++id) {
    const MonotonicTime before = os::monotonic_now();
    const bool answered = round_trip(transport, id, arguments.wait,
                                     before + std::chrono::milliseconds(100), timestamps);
    const MonotonicTime after = os::monotonic_now();
    if (!answered) ++lost;
    if (answered && id >= warm_up) samples_ns.push_back((after - before).count());
  }
  if (samples_ns.empty()) {
    fmt::print(stderr, "no reply\n");
    return 1;
  }
  std::sort(samples_ns.begin(), samples_ns.end());
  const auto at = [&samples_ns](std::size_t percent) {
    return samples_ns[(samples_ns.size() - 1) * percent / 100];
  };
  fmt::print(
      "{{\"p50_ns\": {}, \"p99_ns\": {}, \"min_ns\": {}, \"count\": {}, \"lost\": {}, "
      "\"tx_timestamps\": {}}}\n",
      at(50), at(99), at(0), samples_ns.size(), lost, timestamps);
  return 0;
}

int run(const Arguments& arguments) {
  TransportOptions options;
  if (arguments.server) {
    options.local = arguments.address;
  } else {
    options.remote = arguments.address;
    options.receive_ttl = false;  // the server needs it for its reply, the client for nothing
  }
  options.points = arguments.points;
  options.tx_slots = 64;
  options.rx_buffers = 64;
  if (auto pinned = os::pin_thread_to_cpu(arguments.cpu); !pinned) {
    fmt::print(stderr, "{}\n", pinned.error().message());
    return 1;
  }
  (void)os::set_timer_slack_ns(1);
  auto transport = make_transport(arguments.transport, options);
  if (!transport) {
    fmt::print(stderr, "{}\n", transport.error().message());
    return 1;
  }
  return arguments.server ? serve(**transport, arguments) : measure(**transport, arguments);
}

}  // namespace

int main(int count, char** words) {
  const auto arguments = parse(std::span(words, static_cast<std::size_t>(count)));
  if (!arguments) {
    fmt::print(stderr, "{}\n", arguments.error().message());
    return static_cast<int>(arguments.error().exit);
  }
  return run(*arguments);
}
