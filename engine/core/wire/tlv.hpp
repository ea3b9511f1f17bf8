#pragma once
// The TLVs after a STAMP base packet (RFC 8972 4): a bounded walk over what came, a builder for
// what goes. Neither allocates; both stay inside the span they were given.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/wire/hmac.hpp"

namespace netobs::wire {

/// The types that this project reads or writes (RFC 8972 5.1). An enum over u8: any value may come.
enum class TlvType : std::uint8_t {
  extra_padding = 1,
  timestamp_information = 3,
  class_of_service = 4,
  direct_measurement = 5,
  follow_up_telemetry = 7,
  hmac = 8,
  netobs = 250,  ///< default of ours, from the experimental range 240 to 251
};

inline constexpr std::size_t tlv_header_size = 4;
inline constexpr std::uint8_t flag_unrecognised =
    0x80;                                             ///< U: set by the sender, cleared when known
inline constexpr std::uint8_t flag_malformed = 0x40;  ///< M: length or value is wrong
inline constexpr std::uint8_t flag_integrity = 0x20;  ///< I: the HMAC TLV did not match

struct Tlv {
  std::uint8_t flags = 0;
  TlvType type = TlvType::extra_padding;
  std::size_t offset = 0;  ///< of the header, in the area walked
  std::span<const std::byte> value;

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  [[nodiscard]] std::size_t end() const { return offset + tlv_header_size + value.size(); }
};

/// Steps through an area of TLVs. Ends at the end of the area, where nothing but zero octets follow
/// (padding without a header, as TWAMP-Light senders write it) or at the first malformed header.
///   TlvWalk walk(area);
///   while (const auto tlv = walk.next()) ...
class TlvWalk {
 public:
  explicit TlvWalk(std::span<const std::byte> area);

  [[nodiscard]] std::optional<Tlv> next();

  /// After the end: a header was cut off, or its length points beyond the area.
  [[nodiscard]] bool malformed() const { return malformed_; }
  /// Where the walk stands: after the end, the first octet not walked.
  [[nodiscard]] std::size_t offset() const { return offset_; }

 private:
  std::span<const std::byte> area_;
  std::size_t content_end_ = 0;  // one past the last octet that is not zero
  std::size_t offset_ = 0;
  bool malformed_ = false;
};

/// Appends TLVs to a fixed area, flags as a sender sets them (U only).
class TlvBuilder {
 public:
  explicit TlvBuilder(std::span<std::byte> area) : area_(area) {}

  /// Appends a TLV with a zero value and returns the value, to be filled in. Nothing is written
  /// when it does not fit. value_size: at most 65535.
  [[nodiscard]] std::optional<std::span<std::byte>> add(TlvType type, std::size_t value_size);

  /// Appends an HMAC TLV over `sequence` (octets 0..3 of the packet) and all TLVs so far.
  [[nodiscard]] bool add_hmac(std::span<const std::byte> sequence, Hmac& hmac);

  /// Fills the rest of the area with one Extra Padding TLV; 1 to 3 octets, too few for a header,
  /// become zero. Nothing to do when the area is full.
  void pad_to_end();

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::span<std::byte> area_;
  std::size_t size_ = 0;
};

/// What became of a received area's HMAC TLV.
enum class TlvIntegrity : std::uint8_t {
  absent,    ///< none there
  verified,  ///< covers every TLV but Extra Padding, and matches
  failed,    ///< does not match, has the wrong length, or leaves a TLV uncovered
};

/// Checks the HMAC TLV of an area as it came. sequence: octets 0..3 of the same packet.
[[nodiscard]] TlvIntegrity check_tlv_hmac(std::span<const std::byte> sequence,
                                          std::span<const std::byte> area, Hmac& hmac);

/// Recomputes, in place, the HMAC TLV of an area that was changed. No effect when it has none.
void refresh_tlv_hmac(std::span<const std::byte> sequence, std::span<std::byte> area, Hmac& hmac);

}  // namespace netobs::wire
