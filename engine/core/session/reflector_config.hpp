#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/time.hpp"
#include "core/layer/point.hpp"
#include "core/session/admission.hpp"
#include "core/session/rate_limit.hpp"
#include "core/session/reflector_entries.hpp"
#include "core/session/stamp_budget.hpp"
#include "core/wire/error_estimate.hpp"
#include "core/wire/packet.hpp"
#include "core/wire/tlv.hpp"

namespace netobs {

/// Where a clock gets its time from (RFC 8972 4.3, the values of the Timestamp Information TLV).
enum class SyncSource : std::uint8_t { ntp = 1, ptp = 2, ssu_bits = 3, gnss = 4, free_running = 5 };

struct ReflectorConfig {
  /// True: an own sequence per session, so that the sender can tell loss out from loss back.
  bool stateful = true;
  /// Given: authenticated mode with this key, and nothing else is answered.
  std::optional<std::vector<std::byte>> auth_key{};
  std::vector<Prefix> allow{};  ///< empty: everyone
  RateLimit rate{};
  std::uint32_t max_sessions = 256;
  std::uint32_t max_sessions_per_source = 64;          ///< SSIDs cost a stranger nothing
  Duration session_expiry = std::chrono::seconds(60);  ///< idle time after which a session ends
  /// Idle time after which a session makes room for another of its own source.
  Duration session_yield = std::chrono::seconds(1);
  std::uint16_t own_port = wire::default_port;
  /// Answer requests that come from our own port. Off: two reflectors would answer each other for
  /// ever.
  bool answer_own_port = false;
  /// Points that this host records here; others are never waited for.
  PointSet available{};
  /// Points that a packet passes here at all; empty = the kernel's own path.
  PointSet on_path{};
  std::uint64_t clock_identity =
      0;                         ///< opaque; the same for every process of one kernel; 0 = not told
  std::uint8_t clock_steps = 0;  ///< how often CLOCK_REALTIME was set since the start; wraps
  bool multi_layer = true;       ///< answer the Net Obs TLV
  wire::TlvType netobs_tlv = wire::TlvType::netobs;
  EntryLimits entries{};
  wire::ErrorEstimate error_estimate{};
  SyncSource sync_source = SyncSource::free_running;
  bool stamp_hardware = false;     ///< tx_hardware is on
  StampSampling stamp_sampling{};  ///< for which replies, then
  /// Hardware times are put on the scale of CLOCK_REALTIME, by what on_nic_clock() tells; where
  /// that cannot be done they are left out. Only such times may go into Follow-Up Telemetry, where
  /// they are compared with T3. False: they are reported as the NIC's own.
  bool nic_converted = false;
  /// Number of the first reply of a session (disguise.hpp); RFC 8762 4.3.1 says 0.
  std::uint32_t first_sequence = 0;
  /// True: the kernel returns the timestamp id that was given with the packet, so each reply gets
  /// its own. False: the id is the kernel's reading of the packet, octets 0 to 3, and sessions
  /// share them.
  bool unique_timestamp_ids = true;
  std::size_t recent_sends = 8192;  ///< replies whose TX timestamps may be under way; power of 2
  /// Hook events ahead of their datagram; a power of 2. Enough for what a full receive buffer of
  /// the socket holds, at four receive points each.
  std::size_t pending_hook_events = 65'536;
  std::uint64_t hash_seed = 0;  ///< random, so that strangers cannot aim at one bucket
};

/// Why a datagram got no reply.
enum class Drop : std::uint8_t {
  truncated,  ///< longer than the receive buffer: it cannot be echoed at its size
  too_short,
  bad_error_estimate,
  hmac_mismatch,
  own_port,     ///< from our own port: probably a reflector
  bad_source,   ///< port 0 or no address
  not_allowed,  ///< outside the allow-list
  rate_limited,
  sources_full,   ///< no room to account for another source
  sessions_full,  ///< session cap, in all or of this source
  replayed,       ///< authenticated mode: this sequence has been answered
  too_old,        ///< authenticated mode: behind the replay window
  no_room,        ///< the reply does not fit the buffer given for it
};
inline constexpr std::size_t drop_count = 13;
[[nodiscard]] std::string_view name(Drop drop);

}  // namespace netobs
