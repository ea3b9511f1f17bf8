// STAMP and TWAMP-Light requests by their timestamp, or by the port of a reflector.

#include <algorithm>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/capture/probe_rules.hpp"
#include "core/wire/error_estimate.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "core/wire/tlv.hpp"

namespace netobs::capture {
namespace {

constexpr std::size_t shortest_request = 14;
constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t ntp_epoch_s = 2'208'988'800;  // 1900 to 1970
/// A clock that nobody set is further off; most other payloads are, too.
constexpr std::int32_t plausible_s = 30 * 24 * 3600;

bool is_near(std::uint32_t seconds, std::int64_t now_s) {
  const auto distance = static_cast<std::int32_t>(seconds - static_cast<std::uint32_t>(now_s));
  return distance > -plausible_s && distance < plausible_s;
}

/// In either format of a STAMP timestamp.
bool is_plausible(std::uint32_t seconds, std::int64_t capture_ns) {
  const std::int64_t now_s = capture_ns / ns_per_s;
  return is_near(seconds, now_s) || is_near(seconds, now_s + ntp_epoch_s);
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

/// Authenticated packets have 12 zero octets where others have T1 and the error estimate.
wire::Mode mode_of(const Datagram& datagram) {
  const auto& at = wire::layout(wire::Mode::authenticated);
  const bool fits = datagram.payload_size >= at.base_size &&
                    datagram.payload.size() >= at.error_estimate + sizeof(std::uint16_t);
  const bool zero = fits && all_zero(datagram.payload.subspan(4, 12));
  return zero ? wire::Mode::authenticated : wire::Mode::unauthenticated;
}

class StampRules final : public ProbeRules {
 public:
  explicit StampRules(std::vector<std::uint16_t> ports) : ports_(std::move(ports)) {}

  [[nodiscard]] std::optional<RequestWords> request(const Datagram& datagram,
                                                    std::int64_t capture_ns) const override;
  [[nodiscard]] std::optional<ReplyWords> reply(const Datagram& datagram,
                                                wire::Mode mode) const override;
  [[nodiscard]] bool key_suffices(const ReplyWords& reply) const override {
    // A request that goes the other way has zeros or padding there, a reply never.
    return !reply.token || *reply.token != 0;
  }
  [[nodiscard]] unsigned key_bits() const override { return 32; }
  [[nodiscard]] bool keys_repeat() const override { return false; }

 private:
  std::vector<std::uint16_t> ports_;
};

void read_tlvs(const Datagram& datagram, RequestWords& words) {
  const auto area = wire::tlv_area(words.mode, datagram.payload);
  words.tlvs_hidden =
      datagram.cut_off() && datagram.payload_size > wire::layout(words.mode).base_size;
  wire::TlvWalk walk(area);
  while (const auto tlv = walk.next()) {
    if (tlv->type != wire::TlvType::netobs) continue;
    words.measured = wire::is_netobs_request_measured(tlv->value);
    words.tlvs_hidden = false;
    return;
  }
}

std::optional<RequestWords> StampRules::request(const Datagram& datagram,
                                                std::int64_t capture_ns) const {
  if (datagram.transport != Transport::udp || datagram.payload.size() < shortest_request) {
    return std::nullopt;
  }
  RequestWords words;
  words.by_port = std::ranges::find(ports_, datagram.destination.port) != ports_.end();
  words.mode = mode_of(datagram);
  const auto& at = wire::layout(words.mode);
  const auto& payload = datagram.payload;
  const auto seconds = load_be<std::uint32_t>(payload, at.timestamp);
  if (!words.by_port && !is_plausible(seconds, capture_ns)) return std::nullopt;
  const auto estimate =
      wire::ErrorEstimate::decode(load_be<std::uint16_t>(payload, at.error_estimate));
  if (!estimate) return std::nullopt;
  words.format = estimate->format;
  words.key = load_be<std::uint32_t>(payload, 0);
  words.token = load_be<std::uint64_t>(payload, at.timestamp);
  words.has_ssid = datagram.payload_size >= at.base_size && payload.size() >= at.ssid + 2;
  if (words.has_ssid) words.ssid = load_be<std::uint16_t>(payload, at.ssid);
  words.answer_hidden = datagram.cut_off() && payload.size() < at.sender_sequence + 4;
  read_tlvs(datagram, words);
  return words;
}

std::optional<ReplyWords> StampRules::reply(const Datagram& datagram, wire::Mode mode) const {
  const auto& at = wire::layout(mode);
  const auto& payload = datagram.payload;
  if (datagram.transport != Transport::udp || payload.size() < at.sender_sequence + 4) {
    return std::nullopt;
  }
  ReplyWords words;
  words.key = load_be<std::uint32_t>(payload, at.sender_sequence);
  if (payload.size() >= at.sender_timestamp + 8) {
    words.token = load_be<std::uint64_t>(payload, at.sender_timestamp);
  }
  if (datagram.payload_size >= at.base_size) words.ssid = load_be<std::uint16_t>(payload, at.ssid);
  return words;
}

}  // namespace

std::unique_ptr<ProbeRules> stamp_rules(std::vector<std::uint16_t> ports) {
  return std::make_unique<StampRules>(std::move(ports));
}

}  // namespace netobs::capture
