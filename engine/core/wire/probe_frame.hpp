#pragma once
// A probe or a reply inside an Ethernet frame, as a capture or a relay sees it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace netobs::wire {

/// An unauthenticated STAMP packet on its way to or from a reflector's port.
struct ProbeFrame {
  bool reply = false;
  std::uint32_t sender_sequence = 0;  ///< of the probe, in both directions
  friend bool operator==(const ProbeFrame&, const ProbeFrame&) = default;
};

/// Reads Ethernet II with up to two VLAN tags, IPv4 with options or IPv6 without extension headers,
/// UDP. nullopt for anything else: another port, a fragment, a frame that is cut off before the
/// sequence. Checksums are not looked at.
[[nodiscard]] std::optional<ProbeFrame> read_probe_frame(std::span<const std::byte> frame,
                                                         std::uint16_t reflector_port);

}  // namespace netobs::wire
