#include "core/capture/probe_event.hpp"

#include <array>

#include "core/base/bytes.hpp"

namespace netobs::capture {
namespace {

bool is_same_peer(const Endpoint& captured, const Endpoint& peer) {
  return captured.address == peer.address && captured.port == peer.port;
}

/// True: from this host; false: to it.
std::optional<bool> is_transmitted(const Datagram& datagram, const ProbeFilter& filter) {
  const auto& [here, there] = std::pair(&datagram.source, &datagram.destination);
  const bool leaves =
      here->port == filter.local_port && (!filter.remote || is_same_peer(*there, *filter.remote));
  const bool arrives =
      there->port == filter.local_port && (!filter.remote || is_same_peer(*here, *filter.remote));
  if (leaves == arrives) return std::nullopt;
  return leaves;
}

bool is_link_local(const Endpoint& endpoint) {
  return endpoint.address[0] == 0xfe && (endpoint.address[1] & 0xc0U) == 0x80;
}

template <class T>
T load_or_zero(std::span<const std::byte> payload, std::size_t at) {
  return payload.size() >= at + sizeof(T) ? load_be<T>(payload, at) : T{0};
}

}  // namespace

std::optional<HookEvent> read_probe_event(const Datagram& datagram, const ProbeFilter& filter) {
  const bool usable =
      datagram.transport == Transport::udp && datagram.payload.size() >= sizeof(std::uint32_t);
  const auto transmitted = is_transmitted(datagram, filter);
  if (!usable || !transmitted) return std::nullopt;
  const auto& layout = wire::layout(filter.mode);
  const bool reply = *transmitted == !filter.remote;
  HookEvent event;
  event.point = *transmitted ? Point::pcap_tx : Point::pcap_rx;
  event.peer = *transmitted ? datagram.destination : datagram.source;
  if (is_link_local(event.peer)) event.peer.scope_id = filter.interface_index;
  event.sequence = load_be<std::uint32_t>(datagram.payload, 0);
  event.ssid = load_or_zero<std::uint16_t>(datagram.payload, layout.ssid);
  if (reply) {
    event.sender_sequence = load_or_zero<std::uint32_t>(datagram.payload, layout.sender_sequence);
  }
  return event;
}

}  // namespace netobs::capture
