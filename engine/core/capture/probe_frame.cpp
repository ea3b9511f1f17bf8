#include "core/capture/probe_frame.hpp"

#include "core/base/bytes.hpp"
#include "core/capture/link_frame.hpp"
#include "core/wire/packet.hpp"

namespace netobs::capture {

std::optional<ProbeFrame> read_probe_frame(std::span<const std::byte> frame,
                                           std::uint16_t reflector_port) {
  const auto datagram = read_link_frame(LinkType::ethernet, frame);
  if (!datagram || datagram->transport != Transport::udp || datagram->first_fragment) {
    return std::nullopt;
  }
  const bool request = datagram->destination.port == reflector_port;
  const bool reply = datagram->source.port == reflector_port;
  if (request == reply) return std::nullopt;
  const std::size_t at = reply ? wire::layout(wire::Mode::unauthenticated).sender_sequence : 0;
  if (datagram->payload.size() < at + sizeof(std::uint32_t)) return std::nullopt;
  return ProbeFrame{.reply = reply,
                    .sender_sequence = load_be<std::uint32_t>(datagram->payload, at)};
}

}  // namespace netobs::capture
