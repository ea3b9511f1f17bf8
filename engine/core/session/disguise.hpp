#pragma once
// Probes that look like PTP event messages to a NIC which timestamps nothing else.

#include <cstdint>

namespace netobs {

/// IEEE 1588 annex C: event messages over UDP. Both ends send from and to it.
inline constexpr std::uint16_t ptp_event_port = 319;

/// A STAMP packet begins with its sequence number, a PTP message with messageType (low nibble of
/// octet 0; 0 = Sync, an event message) and versionPTP (low nibble of octet 1; 2). So numbers from
/// here on look like Sync of PTP version 2, for 65,536 packets.
inline constexpr std::uint32_t disguised_first_sequence = 0x0002'0000;
/// The warm-up's, clear of those of the run.
inline constexpr std::uint32_t disguised_warm_up_sequence = 0x0002'f000;
/// What is left for one run, with the uncounted probes at its end.
inline constexpr std::uint64_t max_disguised_probes = 60'000;

}  // namespace netobs
