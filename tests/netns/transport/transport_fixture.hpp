#pragma once
// Two hosts and a transport on each, for every transport, IP version and set of kernel features.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "linux/lab/veth_lab.hpp"
#include "linux/os/clock.hpp"
#include "linux/transport/udp_transport.hpp"

namespace netobs::test {

struct TransportCase {
  std::string transport;
  std::string variant;
  TransportFeatures features;
  bool v6 = false;
  WaitMode wait = WaitMode::spin;
  AfXdpMode mode = AfXdpMode::automatic;
};

inline void PrintTo(const TransportCase& value, std::ostream* out) {
  *out << value.transport << " " << value.variant;
}

/// A datagram kept beyond the poll that brought it.
struct Received {
  std::vector<std::byte> payload;
  RxDatagram meta;
};

/// Everything polls have brought so far.
struct Log {
  std::vector<Received> datagrams;
  std::map<std::uint32_t, std::map<Point, std::int64_t>> tx_timestamps;
  std::size_t tx_timestamp_count = 0;
  std::vector<SendFailure> failures;

  void add(const TransportEvents& events);
  [[nodiscard]] std::set<std::uint32_t> ids_with(Point point) const;
  [[nodiscard]] std::set<std::uint32_t> failed_ids() const;
};

class TransportTest : public ::testing::TestWithParam<TransportCase> {
 protected:
  static constexpr std::uint16_t port = 8620;
  static constexpr std::size_t small_bytes = 64;

  void SetUp() override;

  [[nodiscard]] bool v6() const { return GetParam().v6; }
  [[nodiscard]] Endpoint sender_address(std::uint16_t at) const;
  [[nodiscard]] Endpoint reflector_address(std::uint16_t at) const;
  /// The software points of this transport's path that it takes itself.
  [[nodiscard]] PointSet own_points() const;
  /// How many timestamps it gives of each datagram sent.
  [[nodiscard]] std::size_t tx_points() const;
  /// The first of them on the way.
  [[nodiscard]] Point first_tx_point() const;
  [[nodiscard]] bool bypasses_stack() const { return GetParam().transport == "af_xdp"; }
  /// When the receiving host first saw a datagram.
  [[nodiscard]] std::optional<std::int64_t> seen_ns(const RxDatagram& datagram) const {
    return bypasses_stack() ? datagram.xdp_rx_ns : datagram.rx_software_ns;
  }
  /// Those points, this case's features.
  [[nodiscard]] TransportOptions options() const;
  [[nodiscard]] Result<std::unique_ptr<LinuxTransport>> make_sender(TransportOptions options);
  [[nodiscard]] Result<std::unique_ptr<LinuxTransport>> make_reflector(TransportOptions options);
  /// A connected sender and a bound reflector; both fail the test when they cannot be made.
  void open_both();
  /// One datagram all the way: until its neighbour is resolved, the kernel keeps what is sent, and
  /// a fast sender finds the send buffer full (EAGAIN).
  void warm_up();
  void ip(bool on_sender, const std::vector<std::string>& arguments,
          const std::string& program = "ip");

  /// Sends one datagram whose first four octets are `id`.
  static void send(Transport& transport, std::uint32_t id, std::size_t bytes = small_bytes,
                   const RxDatagram* reply_to = nullptr);
  /// Polls until done() or a limit that only a failure reaches.
  template <class Done>
  void poll_until(Transport& transport, Log& log, const Done& done) {
    const MonotonicTime limit = os::monotonic_now() + std::chrono::seconds(5);
    while (!done() && os::monotonic_now() < limit) {
      log.add(transport.poll(os::monotonic_now() + std::chrono::milliseconds(50), GetParam().wait));
    }
  }
  /// Takes what is there already.
  void poll_now(Transport& transport, Log& log) {
    log.add(transport.poll(os::monotonic_now(), GetParam().wait));
  }

  std::optional<lab::VethLab> lab_;
  std::unique_ptr<LinuxTransport> sender_;
  std::unique_ptr<LinuxTransport> reflector_;
};

[[nodiscard]] std::vector<TransportCase> all_cases();

}  // namespace netobs::test
