#include "core/session/reply_reader.hpp"

#include <utility>

#include "core/base/saturating.hpp"
#include "core/wire/follow_up.hpp"
#include "core/wire/tlv.hpp"

namespace netobs {
namespace {

/// From T3 to the driver, on an interface that is not stuck.
constexpr std::int64_t longest_transmit_ns = 1'000'000'000;

/// reported_in: the reflector's sequence, when the time comes from one of its reports.
Observation timestamp_of(std::uint64_t probe, Point point, std::int64_t ns,
                         std::optional<std::uint32_t> reported_in = std::nullopt) {
  Observation observation;
  observation.kind = Observation::Kind::timestamp;
  observation.sequence = probe;
  observation.value_ns = ns;
  observation.slot = static_cast<std::uint8_t>(slot(Host::reflector, point));
  observation.number = reported_in.value_or(0);
  observation.second = reported_in ? 1 : 0;
  return observation;
}

}  // namespace

void ReplyReader::take_base(const wire::ReflectorPacket& reply) {
  info_.error_estimate = reply.error_estimate;
  info_.stateful = info_.stateful || reply.sequence != reply.sender_sequence;
}

void ReplyReader::take_base_timestamps(const wire::ReflectorPacket& reply,
                                       const ReplyContext& context, ReplyListener& listener) {
  // Where a foreign reflector takes T2 and T3 is not known; they bracket its residence, so they go
  // where ours would be if it were an application, and the report says so.
  const bool program = info_.base_is_xdp;
  const auto format = reply.error_estimate.format;
  const auto t3_ns = wire::to_unix_ns(reply.t3, format, context.reference_ns);
  recent_[reply.sequence % recent_.size()] = {reply.sequence, context.probe, t3_ns, true};
  listener.take(timestamp_of(context.probe, program ? Point::xdp_rx : Point::app_rx,
                             wire::to_unix_ns(reply.t2, format, context.reference_ns)));
  listener.take(timestamp_of(context.probe, program ? Point::xdp_tx : Point::app_tx, t3_ns));
}

void ReplyReader::take_tlvs(std::span<const std::byte> payload, const wire::ReflectorPacket& reply,
                            const ReplyContext& context, wire::Hmac* hmac,
                            ReplyListener& listener) {
  const auto area = wire::tlv_area(context.mode, payload);
  if (hmac != nullptr && !area.empty() &&
      wire::check_tlv_hmac(payload.first(4), area, *hmac) != wire::TlvIntegrity::verified) {
    ++bad_reports_;
    return;
  }
  wire::TlvWalk walk(area);
  while (const auto tlv = walk.next()) {
    if (tlv->has(wire::flag_malformed) || tlv->has(wire::flag_integrity)) return;
    if (tlv->has(wire::flag_unrecognised)) continue;
    if (tlv->type == wire::TlvType::netobs) take_reports(tlv->value, context.now, listener);
    if (tlv->type == wire::TlvType::follow_up_telemetry && !info_.multi_layer) {
      take_follow_up(tlv->value, reply, context, listener);
    }
  }
}

/// The better transmit time of an earlier reply, from a reflector that has no reports to give.
void ReplyReader::take_follow_up(std::span<const std::byte> value,
                                 const wire::ReflectorPacket& reply, const ReplyContext& context,
                                 ReplyListener& listener) {
  const auto follow_up = wire::read_follow_up(value);
  if (!follow_up || follow_up->method == wire::TimestampMethod::control_plane) return;
  const auto& same_number = recent_[reply.sequence % recent_.size()];
  const bool restarted = same_number.t3_ns != 0 &&
                         same_number.reflector_sequence == reply.sequence &&
                         context.probe != same_number.probe;
  if (restarted) recent_.fill({});
  auto& previous = recent_[follow_up->reflector_sequence % recent_.size()];
  if (previous.reflector_sequence != follow_up->reflector_sequence) return;
  // One is told of each reply.
  if (!std::exchange(previous.valid, false)) return;
  const auto ns =
      wire::to_unix_ns(follow_up->timestamp, reply.error_estimate.format, context.reference_ns);
  // A reflector that had nothing better repeats T3, which is not a timestamp of the driver.
  if (ns <= previous.t3_ns || saturating_difference(ns, previous.t3_ns) > longest_transmit_ns) {
    return;
  }
  const auto point = follow_up->method == wire::TimestampMethod::hardware_assist
                         ? Point::tx_hardware
                         : Point::tx_software;
  listener.take(timestamp_of(previous.probe, point, ns));
}

/// The news comes with the first report of a probe that met the step, or before it.
void ReplyReader::follow_clock(std::uint8_t steps, MonotonicTime now, ReplyListener& listener) {
  const auto since = static_cast<std::int8_t>(steps - clock_steps_.value_or(steps));
  // A reply that was overtaken tells what is known already.
  if (since < 0) return;
  if (since > 0) {
    Observation observation;
    observation.kind = Observation::Kind::reflector_clock_step;
    observation.second = clock_good_.ns;
    observation.monotonic_ns = now.ns;
    listener.take(observation);
  }
  clock_steps_ = steps;
  clock_good_ = now;
}

void ReplyReader::take_reports(std::span<const std::byte> value, MonotonicTime now,
                               ReplyListener& listener) {
  const auto reply = wire::parse_netobs_reply(value);
  if (!reply) {
    // Ours, unanswered and unmarked: a reflector that echoes what it does not know.
    if (reply.error() != wire::NetobsReject::wrong_direction) ++bad_reports_;
    return;
  }
  info_.multi_layer = true;
  info_.points = reply->status.available;
  info_.on_path = reply->status.on_path;
  info_.base_is_xdp = reply->status.base_is_xdp;
  info_.clock_identity = reply->status.clock_identity;
  info_.dropped = reply->status.dropped;
  follow_clock(reply->status.clock_steps, now, listener);
  for (const auto& entry : reply->entries()) take_report(entry, listener);
}

void ReplyReader::take_report(const wire::NetobsEntry& entry, ReplyListener& listener) {
  const auto probe = listener.counted_probe(entry.sender_sequence);
  if (!probe) return;
  const auto number = reflector_number(entry.reflector_sequence);
  for (const auto& row : point_table) {
    if (!entry.points.has(row.point)) continue;
    listener.take(timestamp_of(*probe, row.point, entry.ns[index(row.point)], number));
  }
  Observation observation;
  observation.kind = Observation::Kind::reflector_report;
  observation.sequence = *probe;
  observation.number = number;
  observation.second = entry.clock_stepped ? 1 : 0;
  any_reported_ = true;
  tx_hardware_reported_ = tx_hardware_reported_ || entry.points.has(Point::tx_hardware);
  observation.value_ns = entry.nic_bound_ns.value_or(-1);
  info_.nic_converted = info_.nic_converted || entry.nic_bound_ns.has_value();
  const unsigned flags = (entry.tx_hardware_unasked ? report_flag_tx_hardware_unasked : 0U) |
                         (entry.hardware_impossible ? report_flag_hardware_impossible : 0U) |
                         (entry.hook_events_lost ? report_flag_hook_events_lost : 0U);
  observation.slot = static_cast<std::uint8_t>(flags);
  listener.take(observation);
}

}  // namespace netobs
