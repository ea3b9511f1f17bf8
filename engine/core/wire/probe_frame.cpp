#include "core/wire/probe_frame.hpp"

#include "core/base/bytes.hpp"
#include "core/wire/link_layer.hpp"
#include "core/wire/packet.hpp"

namespace netobs::wire {
namespace {

using Bytes = std::span<const std::byte>;

std::optional<Bytes> after(Bytes bytes, std::size_t count) {
  if (bytes.size() < count) return std::nullopt;
  return bytes.subspan(count);
}

std::optional<Bytes> udp_in_v4(Bytes packet) {
  constexpr std::size_t minimum = 20;
  if (packet.size() < minimum || (packet[0] >> 4U) != std::byte{4}) return std::nullopt;
  const std::size_t header = std::to_integer<std::size_t>(packet[0] & std::byte{0x0f}) * 4;
  constexpr std::uint16_t fragment_mask = 0x3fff;  // more fragments, and the offset
  const bool fragment = (load_be<std::uint16_t>(packet, 6) & fragment_mask) != 0;
  if (header < minimum || fragment || packet[9] != std::byte{protocol_udp}) return std::nullopt;
  return after(packet, header);
}

std::optional<Bytes> udp_in_v6(Bytes packet) {
  constexpr std::size_t header = 40;
  if (packet.size() < header || packet[6] != std::byte{protocol_udp}) return std::nullopt;
  return after(packet, header);
}

}  // namespace

std::optional<ProbeFrame> read_probe_frame(std::span<const std::byte> frame,
                                           std::uint16_t reflector_port) {
  constexpr unsigned most_tags = 2;
  const auto link = read_link_layer(frame, most_tags);
  if (!link || link->tags > most_tags) return std::nullopt;
  const auto network = frame.subspan(link->network_offset);
  const auto udp = link->ethertype == ethertype_v4   ? udp_in_v4(network)
                   : link->ethertype == ethertype_v6 ? udp_in_v6(network)
                                                     : std::nullopt;
  constexpr std::size_t udp_header = 8;
  if (!udp || udp->size() < udp_header) return std::nullopt;
  const bool request = load_be<std::uint16_t>(*udp, 2) == reflector_port;
  const bool reply = load_be<std::uint16_t>(*udp, 0) == reflector_port;
  if (request == reply) return std::nullopt;
  const auto payload = udp->subspan(udp_header);
  const std::size_t at = reply ? layout(Mode::unauthenticated).sender_sequence : 0;
  if (payload.size() < at + sizeof(std::uint32_t)) return std::nullopt;
  return ProbeFrame{.reply = reply, .sender_sequence = load_be<std::uint32_t>(payload, at)};
}

}  // namespace netobs::wire
