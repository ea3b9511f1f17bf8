#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/layer/point.hpp"

namespace netobs {

enum class Outcome : std::uint8_t {
  answered,
  lost_forward,   ///< not answered, and known not to have reached the reflector
  lost_backward,  ///< not answered, but the reflector saw it
  lost_unknown,   ///< not answered; which way is not known
  late,           ///< answered after the timeout; counts as lost, its reply is counted as late
  send_failed,    ///< the send call failed: never left
};
inline constexpr std::size_t outcome_count = 6;
[[nodiscard]] std::string_view name(Outcome outcome);
[[nodiscard]] std::optional<Outcome> outcome_from_name(std::string_view name);

/// Everything known about one probe: the unit of correlation, statistics and storage.
/// Times are nanoseconds of CLOCK_REALTIME of the host that took them. tx_hardware and rx_hardware
/// of one host are the NIC's times plus one offset: their difference is the NIC's own, and against
/// the other points they are right within the bound of that offset. In a run whose NIC clock could
/// not be read they are the NIC's times as they are.
struct ProbeRecord {
  std::uint64_t sequence = 0;      ///< from 0, unwrapped
  std::int64_t intended_ns = 0;    ///< when the schedule wanted it sent, sender's CLOCK_REALTIME
  std::int64_t send_error_ns = 0;  ///< app_tx minus intended, measured on CLOCK_MONOTONIC
  Outcome outcome = Outcome::lost_unknown;
  std::uint32_t reflector_sequence = 0;  ///< valid when answered
  std::uint32_t reply_count = 0;         ///< replies seen; more than 1 = duplicates
  std::uint8_t reflector_ttl = 0;  ///< TTL of the request as the reflector saw it, 0 = unknown
  std::uint8_t reply_ttl = 0;      ///< TTL of the reply as received, 0 = unknown
  bool clock_stepped = false;      ///< CLOCK_REALTIME stepped while it was under way
  bool reordered = false;          ///< its reply came after that of a later probe (RFC 4737 type-P)
  std::array<std::int64_t, slot_count> ns{};
  std::array<Reason, slot_count> reason{};

  [[nodiscard]] std::optional<std::int64_t> at(Host host, Point point) const {
    return at(slot(host, point));
  }
  [[nodiscard]] std::optional<std::int64_t> at(std::size_t slot_index) const {
    if (reason[slot_index] != Reason::captured) return std::nullopt;
    return ns[slot_index];
  }
  void set(std::size_t slot_index, std::int64_t value) {
    ns[slot_index] = value;
    reason[slot_index] = Reason::captured;
  }
};

}  // namespace netobs
