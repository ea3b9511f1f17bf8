#include "core/session/sender.hpp"

#include <algorithm>
#include <utility>

#include "core/base/serial.hpp"
#include "core/wire/follow_up.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "core/wire/tlv.hpp"

namespace netobs {
namespace {

constexpr std::size_t max_batch = 256;
/// An isochronous sender this late starts to skip, so that a stall does not turn into a burst that
/// measures itself. Shorter periods than this may bunch within it.
constexpr Duration max_lateness = std::chrono::milliseconds(1);
/// Software timestamps follow their packet within microseconds, hardware ones within milliseconds.
constexpr Duration settle_time = std::chrono::milliseconds(50);
/// Some drivers fetch them from a work queue, after a retry or two.
constexpr Duration hardware_settle_time = std::chrono::milliseconds(500);
constexpr Duration late_drain_interval = std::chrono::milliseconds(25);

}  // namespace

std::uint32_t probe_size_for(wire::Mode mode, PointSet reflector_points, unsigned reports) {
  // No host takes both paths, and the kernel's has more points.
  const PointSet kernel_path = reflector_points.without(points_of(Layer::xdp));
  const std::size_t hmac =
      mode == wire::Mode::authenticated ? wire::tlv_header_size + wire::hmac_size : 0;
  return static_cast<std::uint32_t>(wire::layout(mode).base_size + wire::tlv_header_size +
                                    wire::follow_up_size + wire::tlv_header_size +
                                    wire::netobs_value_size(kernel_path, reports) + hmac);
}

Result<Sender> Sender::make(SenderConfig config, ObservationQueue& observations) {
  Sender sender(std::move(config), observations);
  if (sender.config_.auth_key) {
    NETOBS_TRY(hmac, wire::Hmac::make(*sender.config_.auth_key));
    sender.hmac_.emplace(std::move(hmac));
  }
  const auto base = wire::layout(sender.mode_).base_size;
  if (sender.config_.size_bytes < base) {
    return fail({.what = fmt::format("a probe of {} bytes", sender.config_.size_bytes),
                 .cause = fmt::format("A STAMP packet of this mode has at least {} bytes.", base),
                 .remedy = fmt::format("Use --size {} or more.", base),
                 .exit = ExitCode::usage});
  }
  sender.build_template();
  return sender;
}

Sender::Sender(SenderConfig config, ObservationQueue& observations)
    : config_(std::move(config)),
      observations_(&observations),
      mode_(config_.auth_key ? wire::Mode::authenticated : wire::Mode::unauthenticated),
      stamp_budget_(config_.stamp_sampling),
      replies_(config_.reflector_first_sequence) {
  pending_.reserve(max_batch);
}

void Sender::start(MonotonicTime now) {
  start_ = now;
  last_sent_ = now;
  last_measured_ = now;
  if (config_.schedule.kind != ScheduleKind::ping_pong) schedule_.emplace(config_.schedule, now);
}

void Sender::stop(MonotonicTime now) {
  if (phase_ == Phase::sending) begin_drain(now);
}

void Sender::begin_drain(MonotonicTime now) {
  phase_ = Phase::draining;
  drain_next_ = now;
}

Sender::Action Sender::next(MonotonicTime now) {
  if (phase_ == Phase::sending) {
    const auto action = config_.schedule.kind == ScheduleKind::ping_pong ? next_ping_pong(now)
                                                                         : next_scheduled(now);
    if (phase_ == Phase::sending) return action;
  }
  if (phase_ == Phase::draining) return next_drain(now);
  return {Step::done, now};
}

bool Sender::limit_reached(MonotonicTime intended) const {
  if (config_.count != 0 && next_probe_ >= config_.count) return true;
  return config_.duration != Duration::zero() && intended - start_ >= config_.duration;
}

Sender::Action Sender::next_ping_pong(MonotonicTime now) {
  if (awaited_ && now - last_sent_ < config_.timeout) {
    return {Step::wait, last_sent_ + config_.timeout};
  }
  awaited_.reset();
  if (limit_reached(now)) {
    begin_drain(now);
    return {};
  }
  return {Step::send, now};
}

Sender::Action Sender::next_scheduled(MonotonicTime now) {
  // Skipping may end at the limit: nothing is sent for a time that is no longer part of the run.
  skip_overdue(now);
  const auto intended = schedule_->peek();
  if (limit_reached(intended)) {
    begin_drain(now);
    return {};
  }
  if (intended > now) return {Step::wait, intended};
  return {Step::send, now};
}

void Sender::skip_overdue(MonotonicTime now) {
  const auto limit = std::max(config_.schedule.period(), max_lateness);
  // The first probe after a stall goes out, as late as it is: it shows how long the stall was.
  while (catching_up_ && now - schedule_->peek() > limit) {
    if (limit_reached(schedule_->peek())) return;
    schedule_->advance();
    ++counters_.skipped;
  }
  catching_up_ = now - schedule_->peek() > limit;
}

Sender::Action Sender::next_drain(MonotonicTime now) {
  if (closed_records_ >= counters_.sent) {
    phase_ = Phase::done;
    return {Step::done, now};
  }
  const auto answer_due = last_measured_ + config_.timeout;
  if (counters_.replies < counters_.sent && now < answer_due) return {Step::wait, answer_due};
  const bool more = drain_sent_ < config_.max_drain_probes || awaits_late_reports(now);
  if (reflector().reports() && more) {
    if (now < drain_next_) return {Step::wait, drain_next_};
    return {Step::send, now};
  }
  // Nothing left to ask. What is on its way may still arrive: answers to the drain probes, and
  // timestamps that come a little after their packet.
  const auto settled = settled_at();
  if (now < settled) return {Step::wait, settled};
  phase_ = Phase::done;
  return {Step::done, now};
}

/// The reflector's NIC may tell late, and nothing but a later reply brings it. In a warm-up, where
/// nobody closes records, the first such time is enough.
bool Sender::awaits_late_reports(MonotonicTime now) const {
  // A reflector holds a report back for a point that it records and that does not come (a capture
  // on loopback sees no departure). A warm-up without any report would learn nothing of the others.
  const bool none_came = !config_.measured && !replies_.any_reported();
  if (none_came) return now - last_measured_ < hardware_settle_time;
  const bool wanted = (config_.reflector_points & reflector().points).has(Point::tx_hardware);
  const bool satisfied = closed_records_ == 0 && replies_.tx_hardware_reported();
  return wanted && !satisfied && now - last_measured_ < hardware_settle_time;
}

MonotonicTime Sender::settled_at() const {
  const bool drain_answered = drain_replies_ >= drain_sent_;
  const auto settled = last_sent_ + (drain_answered ? settle_time : config_.timeout);
  return stamps_awaited_ == 0 ? settled : std::max(settled, last_measured_ + hardware_settle_time);
}

void Sender::build_template() {
  template_.assign(config_.size_bytes, std::byte{0});
  wire::encode_sender(mode_, {0, 0, config_.error_estimate, config_.ssid}, template_);
  wire::TlvBuilder tlvs(wire::tlv_area(mode_, std::span<std::byte>(template_)));
  const std::size_t room = template_.size() - wire::layout(mode_).base_size;
  const std::size_t hmac_room =
      mode_ == wire::Mode::authenticated ? wire::tlv_header_size + wire::hmac_size : 0;
  constexpr std::size_t follow_up_room = wire::tlv_header_size + wire::follow_up_size;
  if (room >= follow_up_room + hmac_room) {
    (void)tlvs.add(wire::TlvType::follow_up_telemetry, wire::follow_up_size);
  }
  constexpr std::size_t least = wire::tlv_header_size + wire::netobs_header_size;
  if (config_.multi_layer && room >= tlvs.size() + least + hmac_room) {
    const std::size_t value_size = room - tlvs.size() - hmac_room - wire::tlv_header_size;
    if (auto value = tlvs.add(wire::TlvType::netobs, value_size)) {
      wire::write_netobs_request(*value, config_.reflector_points, config_.measured);
      netobs_at_ = static_cast<std::size_t>(value->data() - template_.data());
    }
  }
  if (mode_ == wire::Mode::authenticated && room >= hmac_room) {
    // Sealed per probe, since it covers the sequence; the room is reserved here.
    (void)tlvs.add_hmac(std::span<const std::byte>(template_).first(4), *hmac_);
  }
  tlvs.pad_to_end();
}

void Sender::prepare_probe(TxSlot& slot, MonotonicTime now) {
  NETOBS_CHECK(slot.buffer.size() >= template_.size(), "slot {} probe {}", slot.buffer.size(),
               template_.size());
  const std::uint64_t probe = next_probe_++;
  const auto sequence = static_cast<std::uint32_t>(config_.first_sequence + probe);
  const auto packet = slot.buffer.first(template_.size());
  std::ranges::copy(template_, packet.begin());
  wire::patch_sequence(packet, sequence);
  if (phase_ == Phase::draining && netobs_at_) {
    wire::mark_netobs_request_not_measured(packet.subspan(*netobs_at_));
  }
  if (hmac_) {
    wire::refresh_tlv_hmac(std::span<const std::byte>(packet).first(4),
                           wire::tlv_area(mode_, packet), *hmac_);
  }
  slot.size = template_.size();
  slot.timestamp_id = sequence;
  last_sent_ = now;
  slot.hardware_stamp = false;
  if (phase_ == Phase::draining) {
    ++drain_sent_;
    const bool late = drain_sent_ >= config_.max_drain_probes;
    drain_next_ = now + (late ? late_drain_interval : config_.drain_interval);
    return;
  }
  Duration send_error{};
  if (schedule_) {
    send_error = now - schedule_->peek();
    schedule_->advance();
  } else {
    awaited_ = probe;
  }
  last_measured_ = now;
  ++counters_.sent;
  Observation sent;
  sent.kind = Observation::Kind::sent;
  sent.sequence = probe;
  sent.second = send_error.count();
  sent.monotonic_ns = now.ns;
  slot.hardware_stamp = config_.stamp_hardware && stamp_budget_.take(sequence, now);
  if (slot.hardware_stamp) ++stamps_awaited_;
  sent.slot = config_.stamp_hardware && !slot.hardware_stamp ? 1 : 0;
  pending_.push_back(sent);
}

void Sender::stamp_probe(TxSlot& slot, RealTime t1) {
  const auto packet = slot.buffer.first(slot.size);
  wire::patch_timestamp(mode_, packet, wire::ntp_from_unix_ns(t1.ns));
  if (hmac_) wire::seal(packet, *hmac_);
  // Drain probes leave no observation.
  if (phase_ != Phase::draining) pending_.back().value_ns = t1.ns;
}

void Sender::submitted() {
  for (const auto& sent : pending_) observations_->push(sent);
  pending_.clear();
}

std::optional<std::uint64_t> Sender::probe_of(std::uint32_t wire_sequence) const {
  const auto reference = config_.first_sequence + next_probe_;
  const auto sequence = unwrap_serial(wire_sequence, reference);
  if (sequence < config_.first_sequence || sequence >= reference) return std::nullopt;
  return sequence - config_.first_sequence;
}

std::optional<std::uint64_t> Sender::counted_probe(std::uint32_t wire_sequence) const {
  const auto probe = probe_of(wire_sequence);
  return probe && *probe < counters_.sent ? probe : std::nullopt;
}

void Sender::push_timestamp(std::uint64_t probe, std::size_t slot_index, std::int64_t ns) {
  if (probe >= counters_.sent) return;  // a drain probe: not part of the measurement
  Observation observation;
  observation.kind = Observation::Kind::timestamp;
  observation.sequence = probe;
  observation.value_ns = ns;
  observation.slot = static_cast<std::uint8_t>(slot_index);
  observations_->push(observation);
}

void Sender::on_tx_timestamp(const TxTimestamp& timestamp) {
  if (timestamp.point == Point::tx_hardware) {
    stamp_budget_.came(timestamp.id);
    if (stamps_awaited_ > 0) --stamps_awaited_;
  }
  if (const auto probe = probe_of(timestamp.id)) {
    push_timestamp(*probe, slot(Host::sender, timestamp.point), timestamp.ns);
  }
}

void Sender::on_send_failure(const SendFailure& failure) {
  ++(failure.undeliverable ? counters_.undeliverable : counters_.send_failures);
  counters_.last_send_errno = failure.sys_errno;
  if (!failure.id) return;
  const auto probe = probe_of(*failure.id);
  if (!probe || *probe >= counters_.sent) return;
  if (awaited_ == *probe) awaited_.reset();
  if (failure.undeliverable) return;  // sent all the same: without a reply it counts as lost
  stamp_budget_.failed(*failure.id);
  Observation observation;
  observation.kind = Observation::Kind::send_failed;
  observation.sequence = *probe;
  observation.second = failure.sys_errno;
  observations_->push(observation);
}

void Sender::on_hook_event(const HookEvent& event) {
  const bool received = info(event.point).direction == Direction::rx;
  const bool ours = event.ssid == config_.ssid || (received && event.ssid == 0);
  if (!ours) return;
  if (const auto probe = probe_of(received ? event.sender_sequence : event.sequence)) {
    push_timestamp(*probe, slot(Host::sender, event.point), event.ns);
  }
}

void Sender::on_datagram(const RxDatagram& datagram, MonotonicTime now) {
  if (datagram.truncated) {
    ++counters_.truncated;
    return;
  }
  const auto reply = wire::decode_reflector(mode_, datagram.payload, hmac_ ? &*hmac_ : nullptr);
  if (!reply) {
    ++(reply.error() == wire::Reject::hmac_mismatch ? counters_.bad_hmac : counters_.malformed);
    return;
  }
  if (reply->ssid != config_.ssid && reply->ssid != 0) {
    ++counters_.foreign;
    return;
  }
  const auto probe = probe_of(reply->sender_sequence);
  if (!probe) {
    ++counters_.unknown_sequence;
    return;
  }
  const ReplyContext context{
      .mode = mode_, .probe = *probe, .reference_ns = datagram.app_rx_ns, .now = now};
  replies_.take_base(*reply);
  if (!reply->degraded) {
    replies_.take_tlvs(datagram.payload, *reply, context, hmac_ ? &*hmac_ : nullptr, *this);
  }
  counters_.bad_reports = replies_.bad_reports();
  if (*probe >= counters_.sent) {
    ++drain_replies_;
    Observation drained;
    drained.kind = Observation::Kind::drain_reply;
    drained.sequence = *probe;
    drained.number = replies_.reflector_number(reply->sequence);
    observations_->push(drained);
    return;
  }
  ++counters_.replies;
  if (awaited_ == *probe) awaited_.reset();

  Observation observation;
  observation.kind = Observation::Kind::reply;
  observation.sequence = *probe;
  observation.value_ns = datagram.app_rx_ns;
  observation.monotonic_ns = now.ns;
  observation.number = replies_.reflector_number(reply->sequence);
  observation.ttl = datagram.ttl;
  observation.peer_ttl = reply->sender_ttl.value_or(0);
  observations_->push(observation);
  if (datagram.rx_software_ns) {
    push_timestamp(*probe, slot(Host::sender, Point::rx_software), *datagram.rx_software_ns);
  }
  if (datagram.xdp_rx_ns) {
    push_timestamp(*probe, slot(Host::sender, Point::xdp_rx), *datagram.xdp_rx_ns);
  }
  if (datagram.rx_hardware_ns) {
    push_timestamp(*probe, slot(Host::sender, Point::rx_hardware), *datagram.rx_hardware_ns);
  }
  if (!reflector().reports()) replies_.take_base_timestamps(*reply, context, *this);
}

}  // namespace netobs
