#pragma once
// The Net Obs TLV: how a reflector's timestamps of earlier probes travel back. The layout table and
// the reasons for it are in README.md of this folder.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "core/layer/point.hpp"

namespace netobs::wire {

inline constexpr std::size_t netobs_header_size = 24;
inline constexpr std::size_t netobs_max_entries = 8;

/// The reflector's timestamps of one probe that it has answered.
struct NetobsEntry {
  std::uint32_t reflector_sequence = 0;
  std::uint32_t sender_sequence = 0;
  bool clock_stepped = false;        ///< CLOCK_REALTIME was set while the probe may have been here
  bool tx_hardware_unasked = false;  ///< no hardware timestamp was asked for when it was answered
  bool hardware_impossible = false;  ///< what the NIC gave cannot be of this packet: left out
  /// Times taken by hooks were lost to a full buffer of the reflector's while the probe may have
  /// been there: those that are missing here may be among them.
  bool hook_events_lost = false;
  /// The NIC's times are converted to CLOCK_REALTIME and right within so much, nanoseconds; carried
  /// rounded up by an eighth at most. nullopt: they are the NIC's own.
  std::optional<std::int64_t> nic_bound_ns{};
  PointSet points{};  ///< which of `ns` are valid
  std::array<std::int64_t, point_count>
      ns{};  ///< by index(Point); CLOCK_REALTIME, hardware: see nic_bound_ns

  friend bool operator==(const NetobsEntry&, const NetobsEntry&) = default;
};

/// What every reply says of the reflector itself.
struct NetobsStatus {
  PointSet available{};  ///< what the reflector records in this session
  PointSet on_path{};    ///< what a probe passes there at all; empty = not told: the kernel's path
  /// No entries will come: T2 and T3 of each reply are its times at xdp_rx and xdp_tx.
  bool base_is_xdp = false;
  std::uint64_t clock_identity =
      0;                         ///< equal values = same kernel, same CLOCK_REALTIME; 0 = not told
  std::uint32_t dropped = 0;     ///< entries that the reflector lost to full buffers; wraps
  std::uint8_t clock_steps = 0;  ///< how often its CLOCK_REALTIME was set since it started; wraps

  friend bool operator==(const NetobsStatus&, const NetobsStatus&) = default;
};

struct NetobsReply {
  NetobsStatus status;
  std::size_t entry_count = 0;
  std::array<NetobsEntry, netobs_max_entries> entry_slots{};

  [[nodiscard]] std::span<const NetobsEntry> entries() const& {
    return std::span(entry_slots).first(entry_count);
  }
  std::span<const NetobsEntry> entries() const&& = delete;  // it would dangle in a range-for
};

/// Why a value of the Net Obs TLV's type is not used.
enum class NetobsReject : std::uint8_t {
  too_short,
  wrong_magic,  ///< someone else's experiment, or zeroed by the reflector
  wrong_version,
  wrong_direction,   ///< a request where a reply is due (echoed as it was sent), or the reverse
  too_many_entries,  ///< more than 8
  unknown_point,     ///< a mask bit without a meaning in this version
  truncated_entry,   ///< an entry reaches beyond the value
};
inline constexpr std::size_t netobs_reject_count = 7;
[[nodiscard]] std::string_view name(NetobsReject reject);

/// Points whose times may be those of another clock, the NIC's: carried absolute.
inline constexpr PointSet netobs_hardware_points = [] {
  PointSet set;
  set.add(Point::tx_hardware);
  set.add(Point::rx_hardware);
  return set;
}();

/// Octets of one entry with these points. wide: differences take 8 octets.
[[nodiscard]] constexpr std::size_t netobs_entry_size(PointSet points, bool wide = false) {
  constexpr std::size_t header_size = 20;
  const auto hardware = (points & netobs_hardware_points).bits();
  const auto hardware_count = static_cast<std::size_t>(std::popcount(hardware));
  const auto software_count =
      static_cast<std::size_t>(std::popcount(points.bits())) - hardware_count;
  const std::size_t differences = software_count == 0 ? 0 : software_count - 1;
  return header_size + hardware_count * 8 + differences * (wide ? 8U : 4U);
}

/// Octets of a TLV value with room for so many entries of these points. entries: 8 at most count.
[[nodiscard]] constexpr std::size_t netobs_value_size(PointSet points, std::size_t entries) {
  return netobs_header_size + std::min(entries, netobs_max_entries) * netobs_entry_size(points);
}

/// Turns a value into a request: header, then zeros to the end. value: at least 24 octets
/// (checked). measured: false for packets of the warm-up and those that fetch the last reports,
/// so that who reads a capture can leave them out.
void write_netobs_request(std::span<std::byte> value, PointSet requested, bool measured = true);
/// Says so of a request that is written already. value: at least 24 octets (checked).
void mark_netobs_request_not_measured(std::span<std::byte> value);
/// True unless it is a request that says otherwise.
[[nodiscard]] bool is_netobs_request_measured(std::span<const std::byte> value);
/// The points that a request asks for.
[[nodiscard]] std::expected<PointSet, NetobsReject> parse_netobs_request(
    std::span<const std::byte> value);

/// Fills a value with a reply, front to back; what is left over is zero.
class NetobsReplyWriter {
 public:
  /// value: at least 24 octets (checked), overwritten completely.
  NetobsReplyWriter(std::span<std::byte> value, const NetobsStatus& status);
  /// False when the entry does not fit or 8 are in; nothing is written then.
  [[nodiscard]] bool add(const NetobsEntry& entry);

 private:
  std::span<std::byte> value_;
  std::size_t size_ = netobs_header_size;
  std::uint8_t count_ = 0;
};

[[nodiscard]] std::expected<NetobsReply, NetobsReject> parse_netobs_reply(
    std::span<const std::byte> value);

}  // namespace netobs::wire
