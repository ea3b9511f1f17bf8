#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "linux/os/fd.hpp"

namespace netobs::conditions {

struct EchoReply {
  std::uint16_t sequence = 0;
  std::int64_t rx_ns = 0;  ///< CLOCK_REALTIME; the kernel's where `kernel_stamped`
  bool kernel_stamped = false;
  MonotonicTime seen = {};
  std::optional<std::uint8_t> ttl = {};
};

/// Sends echo requests to one address and receives the replies to these. IPv4 and IPv6.
class IcmpSocket {
 public:
  /// An unprivileged ICMP socket, or a raw one where the group may not have those. EACCES when the
  /// system allows neither.
  [[nodiscard]] static Result<IcmpSocket> open(const Endpoint& target);

  /// "ICMP datagram socket" or "ICMP raw socket".
  [[nodiscard]] std::string method() const;
  /// Sequences are given in rising order. 0, or the errno of the send.
  [[nodiscard]] int send(std::uint16_t sequence, std::size_t payload_bytes);
  /// Waits up to `limit` for something to happen.
  void wait(Duration limit) const;
  /// The next reply that is there.
  [[nodiscard]] std::optional<EchoReply> receive();
  /// When the driver was given the request, CLOCK_REALTIME; where the kernel says so.
  [[nodiscard]] std::optional<std::int64_t> sent_at(std::uint16_t sequence);
  /// The errno of the last ICMP error or refused send, or 0; it is forgotten then.
  [[nodiscard]] int take_error() { return std::exchange(last_error_, 0); }
  /// From now on the kernel neither fragments, nor refuses what is larger than it thinks the path
  /// takes.
  [[nodiscard]] Result<void> forbid_fragments();

 private:
  IcmpSocket(os::Fd fd, bool v4, bool raw) : fd_(std::move(fd)), v4_(v4), raw_(raw) {}
  void switch_on_options();
  void read_transmit_times();

  os::Fd fd_;
  bool v4_;
  bool raw_;
  std::uint16_t identifier_ = 0;  // of a raw socket; the kernel chooses the other kind's
  bool transmit_times_ = false;
  std::uint32_t next_key_ = 0;                     // what the kernel calls the next request
  std::map<std::uint32_t, std::uint16_t> keys_;    // its names of our sequences
  std::map<std::uint16_t, std::int64_t> sent_at_;  // bounded: old ones go
  int last_error_ = 0;
};

}  // namespace netobs::conditions
