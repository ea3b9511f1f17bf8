#pragma once
// The STAMP base packets (RFC 8762 4.2 and 4.3, SSID by RFC 8972 3). Fields that must be zero are
// written as zero and ignored on receipt. Timestamps are raw wire values; time_format.hpp reads
// them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "core/wire/error_estimate.hpp"
#include "core/wire/hmac.hpp"

namespace netobs::wire {

inline constexpr std::uint16_t default_port = 862;

enum class Mode : std::uint8_t { unauthenticated, authenticated };

/// Octet offsets of the fields that both directions or hooks need, by mode.
struct Layout {
  std::size_t base_size;     ///< where the TLVs start
  std::size_t minimum_size;  ///< shortest sender packet accepted (TWAMP-Light: RFC 5357 4.1.2)
  std::size_t timestamp;     ///< T1 or T3
  std::size_t error_estimate;
  std::size_t ssid;
  std::size_t receive_timestamp;  ///< T2; this and the rest in reflector packets only
  std::size_t sender_sequence;
  std::size_t sender_timestamp;
  std::size_t sender_error_estimate;
  std::size_t sender_ttl;
};

inline constexpr std::array<Layout, 2> layouts{{
    {44, 14, 4, 12, 14, 16, 24, 28, 36, 40},
    {112, 112, 16, 24, 26, 32, 48, 64, 72, 80},
}};
inline constexpr std::size_t hmac_offset = 96;          ///< authenticated mode only
inline constexpr std::size_t degraded_reply_size = 28;  ///< shortest usable TWAMP-Light reply

[[nodiscard]] constexpr const Layout& layout(Mode mode) {
  return layouts[static_cast<std::size_t>(mode)];
}

/// Why a received packet is not used. Data, counted by the receiver.
enum class Reject : std::uint8_t {
  too_short,           ///< shorter than the mode's minimum
  bad_error_estimate,  ///< multiplier 0
  hmac_mismatch,       ///< authenticated mode: not sent with our key, or changed on the way
};
inline constexpr std::size_t reject_count = 3;
[[nodiscard]] std::string_view name(Reject reject);

struct SenderPacket {
  std::uint32_t sequence = 0;
  std::uint64_t t1 = 0;
  ErrorEstimate error_estimate{};
  std::uint16_t ssid = 0;  ///< 0: sender without RFC 8972

  friend bool operator==(const SenderPacket&, const SenderPacket&) = default;
};

struct ReflectorPacket {
  std::uint32_t sequence = 0;
  std::uint64_t t3 = 0;
  ErrorEstimate error_estimate{};
  std::uint16_t ssid = 0;
  std::uint64_t t2 = 0;
  std::uint32_t sender_sequence = 0;
  // What a short TWAMP-Light reply lacks stays empty. The copy of T1 is for display only: one peer
  // is known to swap it with T3, so the sender keeps its own T1 by sequence.
  std::optional<std::uint64_t> sender_t1{};
  std::optional<std::uint16_t> sender_error_estimate{};  ///< raw: a copy of ours, not to be judged
  std::optional<std::uint8_t> sender_ttl{};              ///< as the reflector received it
  bool degraded = false;  ///< shorter than the base: no SSID, no TLVs

  friend bool operator==(const ReflectorPacket&, const ReflectorPacket&) = default;
};

/// Writes the base at the start of `out` (out.size() >= layout(mode).base_size, checked). In
/// authenticated mode the HMAC is left zero: seal() comes last.
void encode_sender(Mode mode, const SenderPacket& packet, std::span<std::byte> out);
void encode_reflector(Mode mode, const ReflectorPacket& packet, std::span<std::byte> out);

/// Writes the base HMAC over octets 0..95. Authenticated mode only; call again after every patch.
void seal(std::span<std::byte> packet, Hmac& hmac);

/// In-place changes for the hot path; `packet` holds at least a base.
void patch_sequence(std::span<std::byte> packet, std::uint32_t sequence);
void patch_timestamp(Mode mode, std::span<std::byte> packet, std::uint64_t timestamp);

/// hmac: the key in authenticated mode (required, checked), ignored otherwise. The HMAC is verified
/// before anything else is looked at.
[[nodiscard]] std::expected<SenderPacket, Reject> decode_sender(Mode mode,
                                                                std::span<const std::byte> bytes,
                                                                Hmac* hmac);
/// Accepts 28 octets and more in unauthenticated mode; match the answer to its probe by
/// sender_sequence, never by sequence.
[[nodiscard]] std::expected<ReflectorPacket, Reject> decode_reflector(
    Mode mode, std::span<const std::byte> bytes, Hmac* hmac);

/// For who only watches: authenticates nothing and takes what was captured of a packet, from the
/// sender's sequence on. nullopt: too short, or multiplier 0.
[[nodiscard]] std::optional<ReflectorPacket> peek_reflector(Mode mode,
                                                            std::span<const std::byte> bytes);

/// The octets after the base; empty when there are none.
[[nodiscard]] std::span<const std::byte> tlv_area(Mode mode, std::span<const std::byte> packet);
[[nodiscard]] std::span<std::byte> tlv_area(Mode mode, std::span<std::byte> packet);

}  // namespace netobs::wire
