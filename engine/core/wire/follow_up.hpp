#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/bytes.hpp"

namespace netobs::wire {

/// How a timestamp was taken (RFC 8972 4.3 and 4.7).
enum class TimestampMethod : std::uint8_t {
  hardware_assist = 1,
  software_local = 2,
  control_plane = 3,
};

/// The Follow-Up Telemetry TLV (RFC 8972 4.7): when the previous reply really left.
struct FollowUp {
  std::uint32_t reflector_sequence = 0;  ///< of the previous reply
  std::uint64_t timestamp = 0;           ///< wire value, format of the reply's error estimate
  TimestampMethod method = TimestampMethod::software_local;
};

inline constexpr std::size_t follow_up_size = 16;

/// value: 16 octets, checked; the last three are left as they are.
inline void write_follow_up(std::span<std::byte> value, const FollowUp& follow_up) {
  store_be(value, 0, follow_up.reflector_sequence);
  store_be(value, 4, follow_up.timestamp);
  store_be(value, 12, static_cast<std::uint8_t>(follow_up.method));
}

/// Nothing for a wrong size, a method that does not exist, or the zeros of a reflector that has
/// none to tell (stateless, or its first reply).
[[nodiscard]] inline std::optional<FollowUp> read_follow_up(std::span<const std::byte> value) {
  if (value.size() != follow_up_size) return std::nullopt;
  const auto method = load_be<std::uint8_t>(value, 12);
  const FollowUp follow_up{load_be<std::uint32_t>(value, 0), load_be<std::uint64_t>(value, 4),
                           static_cast<TimestampMethod>(method)};
  if (method < 1 || method > 3 || follow_up.timestamp == 0) return std::nullopt;
  return follow_up;
}

}  // namespace netobs::wire
