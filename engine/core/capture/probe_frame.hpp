#pragma once
// A probe or a reply inside a captured Ethernet frame, for who knows the reflector's port.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace netobs::capture {

/// An unauthenticated STAMP packet on its way to or from a reflector's port.
struct ProbeFrame {
  bool reply = false;
  std::uint32_t sender_sequence = 0;  ///< of the probe, in both directions
  friend bool operator==(const ProbeFrame&, const ProbeFrame&) = default;
};

/// Reads what read_link_frame() does. nullopt for anything else: another port, a fragment, a frame
/// that is cut off before the sequence.
[[nodiscard]] std::optional<ProbeFrame> read_probe_frame(std::span<const std::byte> frame,
                                                         std::uint16_t reflector_port);

}  // namespace netobs::capture
