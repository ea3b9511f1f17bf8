#include "linux/transport/error_queue.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace netobs {
namespace {

constexpr std::size_t batch_count = 32;
constexpr std::size_t rounds_per_drain = 32;
/// Link-layer, IP and UDP header and the id; the rest of a returned packet is of no interest.
constexpr std::size_t head_bytes = 160;

/// With timestamping on, the kernel hands the quoted packet of an ICMP error out a second time, as
/// SCM_TIMESTAMPING_OPT_STATS before the error itself (net/socket.c, __sock_recv_timestamp). ICMPv6
/// quotes up to 1280 octets.
constexpr std::size_t quoted_packet_bytes = 2048;

std::size_t control_bytes(const UdpSocket& socket) {
  const bool restricted = socket.control_bytes < full_rx_control_bytes;
  return restricted ? socket.control_bytes : socket.control_bytes + quoted_packet_bytes;
}

}  // namespace

ErrorQueue::ErrorQueue(const UdpSocket& socket)
    : batch_(batch_count, head_bytes, control_bytes(socket), socket) {}

bool ErrorQueue::drain(const UdpSocket& socket, EventStore& events) {
  bool any = false;
  for (std::size_t round = 0; round < rounds_per_drain; ++round) {
    const auto headers = batch_.prepare(batch_count);
    const int count = ::recvmmsg(socket.fd.get(), headers.data(), batch_count,
                                 MSG_ERRQUEUE | MSG_DONTWAIT, nullptr);
    if (count <= 0) break;
    any = true;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      take(i, headers[i].msg_len, socket, events);
    }
    if (static_cast<std::size_t>(count) < batch_count) break;
  }
  return any;
}

void ErrorQueue::take(std::size_t index, std::size_t bytes, const UdpSocket& socket,
                      EventStore& events) {
  if (batch_.control_truncated(index)) ++control_truncated_count_;
  const auto message = decode_error_message(batch_.control(index), batch_.data(index, bytes),
                                            socket.tx_id_source, socket.local.port);
  if (message.malformed) ++malformed_count_;
  if (message.timestamp) events.tx_timestamps.push_back(*message.timestamp);
  if (message.failure) events.send_failures.push_back(*message.failure);
}

}  // namespace netobs
