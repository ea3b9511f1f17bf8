// What the replies tell of the other end: base timestamps, Follow-Up Telemetry, the Net Obs TLV.

#include <utility>

#include "core/session/sender.hpp"
#include "core/wire/follow_up.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "core/wire/tlv.hpp"

namespace netobs {
namespace {

/// From T3 to the driver, on an interface that is not stuck.
constexpr std::int64_t longest_transmit_ns = 1'000'000'000;

/// A wire timestamp in nanoseconds of the reflector's CLOCK_REALTIME, near `reference_ns`.
std::int64_t to_unix_ns(std::uint64_t timestamp, wire::TimeFormat format,
                        std::int64_t reference_ns) {
  return format == wire::TimeFormat::ntp ? wire::unix_ns_from_ntp(timestamp, reference_ns)
                                         : wire::unix_ns_from_ptp(timestamp, 0, reference_ns);
}

}  // namespace

void Sender::take_base_timestamps(std::uint64_t probe, const wire::ReflectorPacket& reply,
                                  std::int64_t reference_ns) {
  // Where a foreign reflector takes T2 and T3 is not known; they bracket its residence, so they go
  // where ours would be if it were an application, and the report says so.
  const bool program = reflector_.base_is_xdp;
  const auto format = reply.error_estimate.format;
  push_timestamp(probe, slot(Host::reflector, program ? Point::xdp_rx : Point::app_rx),
                 to_unix_ns(reply.t2, format, reference_ns));
  const auto t3_ns = to_unix_ns(reply.t3, format, reference_ns);
  push_timestamp(probe, slot(Host::reflector, program ? Point::xdp_tx : Point::app_tx), t3_ns);
  recent_[reply.sequence % recent_.size()] = {reply.sequence, probe, t3_ns, true};
}

void Sender::read_tlvs(std::span<const std::byte> payload, const wire::ReflectorPacket& reply,
                       std::int64_t reference_ns, MonotonicTime now) {
  const auto area = wire::tlv_area(mode_, payload);
  if (hmac_ && !area.empty() &&
      wire::check_tlv_hmac(payload.first(4), area, *hmac_) != wire::TlvIntegrity::verified) {
    ++counters_.bad_reports;
    return;
  }
  wire::TlvWalk walk(area);
  while (const auto tlv = walk.next()) {
    if (tlv->has(wire::flag_malformed) || tlv->has(wire::flag_integrity)) return;
    if (tlv->has(wire::flag_unrecognised)) continue;
    if (tlv->type == wire::TlvType::netobs) take_reports(tlv->value, now);
    if (tlv->type == wire::TlvType::follow_up_telemetry && !reflector_.multi_layer) {
      take_follow_up(tlv->value, reply, reference_ns);
    }
  }
}

/// The better transmit time of an earlier reply, from a reflector that has no reports to give.
void Sender::take_follow_up(std::span<const std::byte> value, const wire::ReflectorPacket& reply,
                            std::int64_t reference_ns) {
  const auto follow_up = wire::read_follow_up(value);
  if (!follow_up || follow_up->method == wire::TimestampMethod::control_plane) return;
  const auto& same_number = recent_[reply.sequence % recent_.size()];
  const bool restarted = same_number.t3_ns != 0 &&
                         same_number.reflector_sequence == reply.sequence &&
                         probe_of(reply.sender_sequence) != same_number.probe;
  if (restarted) recent_.fill({});
  auto& previous = recent_[follow_up->reflector_sequence % recent_.size()];
  if (previous.reflector_sequence != follow_up->reflector_sequence) return;
  // One is told of each reply.
  if (!std::exchange(previous.valid, false)) return;
  const auto ns = to_unix_ns(follow_up->timestamp, reply.error_estimate.format, reference_ns);
  // A reflector that had nothing better repeats T3, which is not a timestamp of the driver.
  if (ns <= previous.t3_ns || ns - previous.t3_ns > longest_transmit_ns) return;
  const auto point = follow_up->method == wire::TimestampMethod::hardware_assist
                         ? Point::tx_hardware
                         : Point::tx_software;
  push_timestamp(previous.probe, slot(Host::reflector, point), ns);
}

/// The news comes with the first report of a probe that met the step, or before it.
void Sender::follow_reflector_clock(std::uint8_t steps, MonotonicTime now) {
  const auto since = static_cast<std::int8_t>(steps - reflector_clock_steps_.value_or(steps));
  // A reply that was overtaken tells what is known already.
  if (since < 0) return;
  if (since > 0) {
    Observation observation;
    observation.kind = Observation::Kind::reflector_clock_step;
    observation.second = reflector_clock_good_.ns;
    observation.monotonic_ns = now.ns;
    observations_->push(observation);
  }
  reflector_clock_steps_ = steps;
  reflector_clock_good_ = now;
}

void Sender::take_reports(std::span<const std::byte> value, MonotonicTime now) {
  const auto reply = wire::parse_netobs_reply(value);
  if (!reply) {
    // Ours, unanswered and unmarked: a reflector that echoes what it does not know.
    if (reply.error() != wire::NetobsReject::wrong_direction) ++counters_.bad_reports;
    return;
  }
  reflector_.multi_layer = true;
  reflector_.points = reply->status.available;
  reflector_.on_path = reply->status.on_path;
  reflector_.base_is_xdp = reply->status.base_is_xdp;
  reflector_.clock_identity = reply->status.clock_identity;
  reflector_.dropped = reply->status.dropped;
  follow_reflector_clock(reply->status.clock_steps, now);
  for (const auto& entry : reply->entries()) take_report(entry);
}

void Sender::take_report(const wire::NetobsEntry& entry) {
  const auto probe = probe_of(entry.sender_sequence);
  if (!probe || *probe >= counters_.sent) return;
  for (const auto& row : point_table) {
    if (!entry.points.has(row.point)) continue;
    push_timestamp(*probe, slot(Host::reflector, row.point), entry.ns[index(row.point)],
                   reflector_number(entry.reflector_sequence));
  }
  Observation observation;
  observation.kind = Observation::Kind::reflector_report;
  observation.sequence = *probe;
  observation.number = reflector_number(entry.reflector_sequence);
  observation.second = entry.clock_stepped ? 1 : 0;
  tx_hardware_reported_ = tx_hardware_reported_ || entry.points.has(Point::tx_hardware);
  observation.value_ns = entry.nic_bound_ns.value_or(-1);
  reflector_.nic_converted = reflector_.nic_converted || entry.nic_bound_ns.has_value();
  const unsigned flags = (entry.tx_hardware_unasked ? report_flag_tx_hardware_unasked : 0U) |
                         (entry.hardware_impossible ? report_flag_hardware_impossible : 0U);
  observation.slot = static_cast<std::uint8_t>(flags);
  observations_->push(observation);
}

}  // namespace netobs
