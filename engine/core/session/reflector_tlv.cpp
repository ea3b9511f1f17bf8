#include "core/session/reflector_tlv.hpp"

#include <algorithm>

#include "core/base/bytes.hpp"
#include "core/wire/follow_up.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "core/wire/time_format.hpp"

namespace netobs {
namespace {

constexpr std::size_t timestamp_information_size = 4;
constexpr std::size_t direct_measurement_size = 12;

/// How a timestamp was taken (RFC 8972 4.3).
struct BestTransmit {
  std::int64_t ns = 0;
  wire::TimestampMethod method = wire::TimestampMethod::software_local;
};

std::optional<BestTransmit> best_transmit(const wire::NetobsEntry& times) {
  const auto ns = [&](Point point) { return times.ns[index(point)]; };
  // The NIC's own time could not be compared with T3.
  if (times.nic_bound_ns && times.points.has(Point::tx_hardware)) {
    return BestTransmit{ns(Point::tx_hardware), wire::TimestampMethod::hardware_assist};
  }
  for (const Point point : {Point::tx_software, Point::app_tx}) {
    if (times.points.has(point)) return BestTransmit{ns(point)};
  }
  return std::nullopt;
}

void set_flags(std::span<std::byte> area, std::size_t offset, std::uint8_t flags) {
  area[offset] = static_cast<std::byte>(flags);
}

}  // namespace

TlvOutcome TlvAnswers::answer(std::span<std::byte> area, Session& session, bool integrity_failed,
                              const Turn& turn) const {
  TlvOutcome outcome{.integrity_failed = integrity_failed};
  wire::TlvWalk walk(area);
  while (const auto tlv = walk.next()) {
    if (integrity_failed) {
      set_flags(area, tlv->offset, static_cast<std::uint8_t>(tlv->flags | wire::flag_integrity));
      continue;
    }
    const auto value = area.subspan(tlv->offset + wire::tlv_header_size, tlv->value.size());
    switch (answer_one(tlv->type, value, session, turn)) {
      case Verdict::answered:
        set_flags(area, tlv->offset, 0);
        break;
      case Verdict::unrecognised:
        ++outcome.unrecognised;
        set_flags(area, tlv->offset, wire::flag_unrecognised);
        break;
      case Verdict::malformed:
        outcome.malformed = true;
        set_flags(area, tlv->offset, wire::flag_malformed);
        return outcome;
    }
  }
  outcome.malformed = walk.malformed();
  if (walk.malformed() && area.size() - walk.offset() >= wire::tlv_header_size) {
    const auto flags = load_be<std::uint8_t>(area, walk.offset());
    set_flags(area, walk.offset(), static_cast<std::uint8_t>(flags | wire::flag_malformed));
  }
  return outcome;
}

TlvAnswers::Verdict TlvAnswers::answer_one(wire::TlvType type, std::span<std::byte> value,
                                           Session& session, const Turn& turn) const {
  if (type == config_.netobs_tlv && config_.multi_layer) return answer_netobs(value, session, turn);
  switch (type) {
    case wire::TlvType::extra_padding:
      return Verdict::answered;
    case wire::TlvType::timestamp_information:
      return answer_timestamp_information(value);
    case wire::TlvType::direct_measurement:
      return answer_direct_measurement(value, session);
    case wire::TlvType::follow_up_telemetry:
      return answer_follow_up(value, session);
    case wire::TlvType::hmac:
      // Without a key it cannot be judged. With one it has been, and is renewed after this.
      return config_.auth_key ? Verdict::answered : Verdict::unrecognised;
    default:
      return Verdict::unrecognised;
  }
}

TlvAnswers::Verdict TlvAnswers::answer_netobs(std::span<std::byte> value, Session& session,
                                              const Turn& turn) const {
  const auto requested = wire::parse_netobs_request(value);
  if (!requested) return Verdict::unrecognised;
  EntryRing& entries = session.entry_ring(config_.entries);
  session.requested = *requested;
  entries.set_wanted(*requested & config_.available);
  wire::NetobsReplyWriter writer(value, {.available = config_.available,
                                         .on_path = config_.on_path,
                                         .base_is_xdp = false,
                                         .clock_identity = config_.clock_identity,
                                         .dropped = entries.dropped(),
                                         .clock_steps = config_.clock_steps});
  entries.fill(writer, turn);
  return Verdict::answered;
}

TlvAnswers::Verdict TlvAnswers::answer_follow_up(std::span<std::byte> value,
                                                 Session& session) const {
  if (value.size() != wire::follow_up_size) return Verdict::malformed;
  std::ranges::fill(value, std::byte{0});
  if (!config_.stateful) return Verdict::answered;  // RFC 8972 4.7: zeros
  EntryRing& entries = session.entry_ring(config_.entries);
  const ReplyEntry* previous =
      session.next_number == 0 ? nullptr : entries.at(session.next_number - 1);
  if (previous == nullptr) return Verdict::answered;
  const auto best = best_transmit(previous->times);
  if (!best) return Verdict::answered;
  wire::write_follow_up(
      value, {previous->times.reflector_sequence, wire::ntp_from_unix_ns(best->ns), best->method});
  return Verdict::answered;
}

TlvAnswers::Verdict TlvAnswers::answer_timestamp_information(std::span<std::byte> value) const {
  if (value.size() != timestamp_information_size) return Verdict::malformed;
  const auto source = static_cast<std::uint8_t>(config_.sync_source);
  const auto method = static_cast<std::uint8_t>(wire::TimestampMethod::software_local);
  store_be(value, 0, source);
  store_be(value, 1, method);
  store_be(value, 2, source);
  store_be(value, 3, method);
  return Verdict::answered;
}

TlvAnswers::Verdict TlvAnswers::answer_direct_measurement(std::span<std::byte> value,
                                                          const Session& session) const {
  if (value.size() != direct_measurement_size) return Verdict::malformed;
  store_be(value, 4, session.received);
  // This reply included, as the sender's own count includes the request that carries it.
  store_be(value, 8, static_cast<std::uint32_t>(session.next_number + 1));
  return Verdict::answered;
}

}  // namespace netobs
