#include "core/wire/packet.hpp"

#include <algorithm>

#include "core/base/bytes.hpp"
#include "core/base/check.hpp"

namespace netobs::wire {
namespace {

constexpr std::array<std::string_view, reject_count> reject_names{"too_short", "bad_error_estimate",
                                                                  "hmac_mismatch"};

bool authentic(std::span<const std::byte> bytes, Hmac* hmac) {
  NETOBS_CHECK(hmac != nullptr, "authenticated mode without a key");
  return hmac->verify(bytes.subspan(hmac_offset, hmac_size), bytes.first(hmac_offset));
}

std::span<std::byte> cleared_base(Mode mode, std::span<std::byte> out) {
  const std::size_t size = layout(mode).base_size;
  NETOBS_CHECK(out.size() >= size, "base {} into {}", size, out.size());
  std::ranges::fill(out.first(size), std::byte{0});
  return out.first(size);
}

template <class T>
std::optional<T> load_if_present(std::span<const std::byte> bytes, std::size_t offset) {
  if (offset + sizeof(T) > bytes.size()) return std::nullopt;
  return load_be<T>(bytes, offset);
}

}  // namespace

std::string_view name(Reject reject) {
  return reject_names[static_cast<std::size_t>(reject)];
}

void encode_sender(Mode mode, const SenderPacket& packet, std::span<std::byte> out) {
  const Layout& at = layout(mode);
  const auto base = cleared_base(mode, out);
  store_be(base, 0, packet.sequence);
  store_be(base, at.timestamp, packet.t1);
  store_be(base, at.error_estimate, packet.error_estimate.encode());
  store_be(base, at.ssid, packet.ssid);
}

void encode_reflector(Mode mode, const ReflectorPacket& packet, std::span<std::byte> out) {
  const Layout& at = layout(mode);
  const auto base = cleared_base(mode, out);
  store_be(base, 0, packet.sequence);
  store_be(base, at.timestamp, packet.t3);
  store_be(base, at.error_estimate, packet.error_estimate.encode());
  store_be(base, at.ssid, packet.ssid);
  store_be(base, at.receive_timestamp, packet.t2);
  store_be(base, at.sender_sequence, packet.sender_sequence);
  store_be(base, at.sender_timestamp, packet.sender_t1.value_or(0));
  store_be(base, at.sender_error_estimate, packet.sender_error_estimate.value_or(0));
  store_be(base, at.sender_ttl, packet.sender_ttl.value_or(0));
}

void seal(std::span<std::byte> packet, Hmac& hmac) {
  NETOBS_CHECK(packet.size() >= layout(Mode::authenticated).base_size, "size {}", packet.size());
  const HmacDigest digest = hmac.digest(packet.first(hmac_offset));
  std::ranges::copy(digest, packet.subspan(hmac_offset).begin());
}

void patch_sequence(std::span<std::byte> packet, std::uint32_t sequence) {
  store_be(packet, 0, sequence);
}

void patch_timestamp(Mode mode, std::span<std::byte> packet, std::uint64_t timestamp) {
  store_be(packet, layout(mode).timestamp, timestamp);
}

std::expected<SenderPacket, Reject> decode_sender(Mode mode, std::span<const std::byte> bytes,
                                                  Hmac* hmac) {
  const Layout& at = layout(mode);
  if (bytes.size() < at.minimum_size) return std::unexpected(Reject::too_short);
  if (mode == Mode::authenticated && !authentic(bytes, hmac)) {
    return std::unexpected(Reject::hmac_mismatch);
  }
  const auto estimate = ErrorEstimate::decode(load_be<std::uint16_t>(bytes, at.error_estimate));
  if (!estimate) return std::unexpected(Reject::bad_error_estimate);
  SenderPacket packet{.sequence = load_be<std::uint32_t>(bytes, 0),
                      .t1 = load_be<std::uint64_t>(bytes, at.timestamp),
                      .error_estimate = *estimate};
  // Below the full base there is padding where the SSID would be: the sender is TWAMP-Light.
  if (bytes.size() >= at.base_size) packet.ssid = load_be<std::uint16_t>(bytes, at.ssid);
  return packet;
}

std::expected<ReflectorPacket, Reject> decode_reflector(Mode mode, std::span<const std::byte> bytes,
                                                        Hmac* hmac) {
  const bool authenticated = mode == Mode::authenticated;
  const std::size_t minimum = authenticated ? layout(mode).base_size : degraded_reply_size;
  if (bytes.size() < minimum) return std::unexpected(Reject::too_short);
  if (authenticated && !authentic(bytes, hmac)) return std::unexpected(Reject::hmac_mismatch);
  auto packet = peek_reflector(mode, bytes);
  if (!packet) return std::unexpected(Reject::bad_error_estimate);
  return *packet;
}

std::optional<ReflectorPacket> peek_reflector(Mode mode, std::span<const std::byte> bytes) {
  const Layout& at = layout(mode);
  if (bytes.size() < at.sender_sequence + sizeof(std::uint32_t)) return std::nullopt;
  const auto estimate = ErrorEstimate::decode(load_be<std::uint16_t>(bytes, at.error_estimate));
  if (!estimate) return std::nullopt;
  ReflectorPacket packet{
      .sequence = load_be<std::uint32_t>(bytes, 0),
      .t3 = load_be<std::uint64_t>(bytes, at.timestamp),
      .error_estimate = *estimate,
      .t2 = load_be<std::uint64_t>(bytes, at.receive_timestamp),
      .sender_sequence = load_be<std::uint32_t>(bytes, at.sender_sequence),
      .sender_t1 = load_if_present<std::uint64_t>(bytes, at.sender_timestamp),
      .sender_error_estimate = load_if_present<std::uint16_t>(bytes, at.sender_error_estimate),
      .sender_ttl = load_if_present<std::uint8_t>(bytes, at.sender_ttl),
      .degraded = bytes.size() < at.base_size};
  if (!packet.degraded) packet.ssid = load_be<std::uint16_t>(bytes, at.ssid);
  return packet;
}

std::span<const std::byte> tlv_area(Mode mode, std::span<const std::byte> packet) {
  return packet.subspan(std::min(packet.size(), layout(mode).base_size));
}

std::span<std::byte> tlv_area(Mode mode, std::span<std::byte> packet) {
  return packet.subspan(std::min(packet.size(), layout(mode).base_size));
}

}  // namespace netobs::wire
