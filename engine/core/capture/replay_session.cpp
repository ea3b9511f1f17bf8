#include "core/capture/replay_session.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/saturating.hpp"
#include "core/base/serial.hpp"

namespace netobs::capture {
namespace {

constexpr std::size_t first_window = 1024;
constexpr std::size_t window_limit = std::size_t{1} << 19U;
/// Numbers outlast their records: what closes early is handed out some packets later.
constexpr std::size_t numbers_per_open = 2;
/// After so many replies it is known which points a reflector reports.
constexpr std::uint64_t replies_to_look_at = 64;
constexpr std::size_t longest_backlog = 8192;
/// Records close by the capture's clock, or after so many packets.
constexpr Duration close_interval = std::chrono::milliseconds(10);
constexpr unsigned close_packets = 256;
/// The reflector's report of a probe comes with a later reply.
constexpr Duration grace = std::chrono::milliseconds(500);
/// Numbers of a new epoch keep this distance, so that none of its early ones meets an old one.
constexpr std::uint64_t epoch_gap = std::uint64_t{1} << 16U;

constexpr std::array<std::string_view, 3> match_names{"stamp", "udp-echo", "icmp"};

/// The number nearest to `reference` that has these low bits.
std::uint64_t unwrap(std::uint64_t key, unsigned bits, std::uint64_t reference) {
  if (bits == 32) return unwrap_serial(static_cast<std::uint32_t>(key), reference);
  if (bits >= 64) return key;
  const auto distance = static_cast<std::int16_t>(static_cast<std::uint16_t>(key) -
                                                  static_cast<std::uint16_t>(reference));
  const auto candidate = static_cast<std::int64_t>(reference) + distance;
  return candidate < 0 ? key : static_cast<std::uint64_t>(candidate);
}

}  // namespace

std::string_view name(Match match) {
  return match_names[static_cast<std::size_t>(match)];
}

ReplaySession::ReplaySession(SessionIdentity identity, const SessionSettings& settings,
                             SessionSink& sink)
    : identity_(std::move(identity)),
      settings_(settings),
      sink_(&sink),
      numbers_(numbers_per_open * first_window) {}

void ReplaySession::on_request(const RequestWords& words, const Datagram& datagram, Moment at) {
  on_request(words, datagram.payload_size, at);
}

void ReplaySession::on_request(const RequestWords& words, std::uint32_t payload_size, Moment at) {
  if (words.tlvs_hidden) ++counters_.hidden_tlvs;
  if (!words.measured) return take_unmeasured(words);
  if (const auto* seen = find_seen(words, at)) {
    ++counters_.duplicate_requests;
    numbers_.note_sighting(seen->ordinal);
    return;
  }
  const auto number = number_of(words);
  const bool full = correlator_ && correlator_->open() + 1 >= window();
  const bool backlogged = state_ == State::looking && numbers_.next() + 1 >= window();
  if (full || backlogged) widen();
  // Without room for more it begins with what has been seen of the reflector's points.
  if (backlogged && numbers_.next() + 1 >= window()) start();
  const auto& probe = numbers_.push(words.key, words.token, number, at.ns);
  if (counters_.requests++ == 0) {
    first_ns_ = at.ns;
    payload_size_ = payload_size;
  }
  last_ns_ = at.ns;
  last_now_ = at.now;
  drained_ = 0;
  Observation sent;
  sent.kind = Observation::Kind::sent;
  sent.sequence = probe.ordinal;
  sent.value_ns = at.ns;
  sent.monotonic_ns = at.now.ns;
  record(sent);
  if (settings_.at_sender && settings_.match == Match::stamp) {
    push_timestamp(probe.ordinal, Host::sender, Point::app_tx,
                   wire::to_unix_ns(words.token, words.format, at.ns));
  }
  close(at.now);
}

/// The sessions of a capture share the room: each has a limit that is generous for one.
void ReplaySession::widen() {
  const auto more = window();
  const bool no_room = settings_.room != nullptr && settings_.room->left < more;
  if (more >= window_limit || no_room) return;
  if (settings_.room != nullptr) settings_.room->left -= more;
  numbers_.grow(2 * numbers_.capacity());
  if (correlator_) correlator_->permit_window(window());
}

void ReplaySession::take_unmeasured(const RequestWords& words) {
  ++counters_.unmeasured;
  unmeasured_[words.key % unmeasured_.size()] = {
      words.key, words.token, numbers_.next() + drained_++, counters_.requests > 0, true};
}

/// The same number and the same T1 once more: one packet, seen twice. Where there is no T1, a
/// number that comes back after the timeout is that of a sender that began anew.
const ProbeNumbers::Probe* ReplaySession::find_seen(const RequestWords& words, Moment at) const {
  if (!numbered_ || settings_.keys_repeat) return nullptr;
  const auto number = epoch_base_ + unwrap(words.key, settings_.key_bits, highest_number_);
  const auto soon = [&](const ProbeNumbers::Probe& probe) {
    const auto apart = saturating_difference(at.ns, probe.ns);
    return apart >= -settings_.timeout.count() && apart <= settings_.timeout.count();
  };
  return numbers_.newest(words.key, [&](const ProbeNumbers::Probe& probe) {
    return probe.token == words.token && probe.number == number &&
           (words.token != 0 || soon(probe));
  });
}

std::uint64_t ReplaySession::number_of(const RequestWords& words) {
  if (settings_.keys_repeat) return numbers_.next();
  constexpr std::uint64_t too_high = std::uint64_t{1} << 62U;
  const auto number = number_by_key(words);
  // Not counted up in the octets that are looked at (little endian, random): in order of
  // appearance.
  by_order_ = by_order_ || number >= too_high;
  highest_given_ = by_order_ ? highest_given_ + 1 : std::max(highest_given_, number);
  return by_order_ ? highest_given_ : number;
}

/// Of 64 bits a number may be higher than a store's are.
std::uint64_t ReplaySession::number_by_key(const RequestWords& words) {
  const auto raw = unwrap(words.key, settings_.key_bits, numbered_ ? highest_number_ : words.key);
  if (!std::exchange(numbered_, true)) {
    highest_number_ = raw;
    return raw;
  }
  const bool taken = numbers_.newest(words.key, [&](const ProbeNumbers::Probe& probe) {
    return probe.number == epoch_base_ + raw;
  }) != nullptr;
  const bool far_behind = raw < highest_number_ && highest_number_ - raw >= numbers_.capacity();
  if (taken || far_behind) {
    // The sender began anew. Its numbers go on behind those before, to stay unique.
    ++counters_.restarts;
    epoch_base_ += highest_number_ + 1 + epoch_gap - words.key;
    highest_number_ = words.key;
    return epoch_base_ + words.key;
  }
  highest_number_ = std::max(highest_number_, raw);
  return epoch_base_ + raw;
}

std::size_t ReplaySession::window() const {
  return numbers_.capacity() / numbers_per_open;
}

const ProbeNumbers::Probe* ReplaySession::find(std::uint64_t key,
                                               const std::optional<std::uint64_t>& token,
                                               bool key_suffices, Moment at) const {
  if (settings_.keys_repeat) {
    const auto* open = numbers_.oldest(key, [&](const ProbeNumbers::Probe& probe) {
      return !probe.answered() &&
             saturating_difference(at.ns, probe.ns) <= settings_.timeout.count();
    });
    if (open != nullptr) return open;
    return numbers_.newest(key, [](const ProbeNumbers::Probe&) { return true; });
  }
  if (token) {
    const auto* exact = numbers_.newest(
        key, [&](const ProbeNumbers::Probe& probe) { return probe.token == *token; });
    if (exact != nullptr || !key_suffices) return exact;
  }
  return numbers_.newest(key, [](const ProbeNumbers::Probe&) { return true; });
}

bool ReplaySession::on_reply(const ReplyWords& words, bool key_suffices, const Datagram& datagram,
                             Moment at) {
  if (const auto* probe = find(words.key, words.token, key_suffices, at)) {
    answer(probe->ordinal, datagram, at);
    close(at.now);
    return true;
  }
  return answer_unmeasured(words, datagram, at);
}

std::optional<wire::ReflectorPacket> ReplaySession::read_reply(const Datagram& datagram) {
  if (settings_.match != Match::stamp) return std::nullopt;
  auto reply = wire::peek_reflector(identity_.mode, datagram.payload);
  if (!reply) ++counters_.unreadable_replies;
  return reply;
}

void ReplaySession::answer(std::uint64_t ordinal, const Datagram& datagram, Moment at) {
  const auto reply = read_reply(datagram);
  const ProbeNumbers::Answer told{reply ? reply->t3 : 0, reply ? reply->sequence : 0};
  if (!numbers_.take_answer(ordinal, told)) {
    ++counters_.replies_seen_again;
    return;
  }
  ++counters_.replies;
  const ReplyContext context{
      .mode = identity_.mode, .probe = ordinal, .reference_ns = at.ns, .now = at.now};
  if (reply) {
    replies_.take_base(*reply);
    if (!reply->degraded) replies_.take_tlvs(datagram.payload, *reply, context, nullptr, *this);
  }
  Observation observation;
  observation.kind = Observation::Kind::reply;
  observation.sequence = ordinal;
  observation.value_ns = at.ns;
  observation.monotonic_ns = at.now.ns;
  observation.number = reply ? replies_.reflector_number(reply->sequence) : 0;
  observation.ttl = datagram.ttl;
  observation.peer_ttl = reply ? reply->sender_ttl.value_or(0) : 0;
  record(observation);
  if (reply && !reflector().reports()) replies_.take_base_timestamps(*reply, context, *this);
}

const ReplaySession::Unmeasured* ReplaySession::find_unmeasured(const ReplyWords& words) const {
  const auto& slot = unmeasured_[words.key % unmeasured_.size()];
  const bool found =
      slot.used && slot.key == words.key && (!words.token || *words.token == slot.token);
  return found ? &slot : nullptr;
}

/// It brings reports of probes that do count.
bool ReplaySession::answer_unmeasured(const ReplyWords& words, const Datagram& datagram,
                                      Moment at) {
  const auto* request = find_unmeasured(words);
  if (request == nullptr) return false;
  const auto reply = read_reply(datagram);
  if (!reply || reply->degraded) return true;
  const ReplyContext context{
      .mode = identity_.mode, .probe = request->index, .reference_ns = at.ns, .now = at.now};
  replies_.take_base(*reply);
  replies_.take_tlvs(datagram.payload, *reply, context, nullptr, *this);
  if (!request->after_measured) return true;
  Observation drained;
  drained.kind = Observation::Kind::drain_reply;
  drained.sequence = request->index;
  drained.number = replies_.reflector_number(reply->sequence);
  record(drained);
  close(at.now);
  return true;
}

std::optional<std::int64_t> ReplaySession::on_far_request(const RequestWords& words, Moment at) {
  const auto* probe = find(words.key, words.token, false, at);
  if (probe == nullptr) return std::nullopt;
  push_timestamp(probe->ordinal, Host::reflector, Point::pcap_rx, at.ns);
  return probe->ns;
}

bool ReplaySession::on_far_reply(const ReplyWords& words, bool key_suffices, Moment at) {
  const auto* probe = find(words.key, words.token, key_suffices, at);
  if (probe == nullptr) return find_unmeasured(words) != nullptr;
  push_timestamp(probe->ordinal, Host::reflector, Point::pcap_tx, at.ns);
  return true;
}

void ReplaySession::push_timestamp(std::uint64_t ordinal, Host host, Point point, std::int64_t ns) {
  Observation observation;
  observation.kind = Observation::Kind::timestamp;
  observation.sequence = ordinal;
  observation.value_ns = ns;
  observation.slot = static_cast<std::uint8_t>(slot(host, point));
  record(observation);
}

std::optional<std::uint64_t> ReplaySession::counted_probe(std::uint32_t wire_sequence) const {
  const auto* probe =
      numbers_.newest(wire_sequence, [](const ProbeNumbers::Probe&) { return true; });
  return probe == nullptr ? std::nullopt : std::optional(probe->ordinal);
}

void ReplaySession::note_reflector_point(const Observation& observation) {
  const bool reflectors = observation.kind == Observation::Kind::timestamp &&
                          slot_host(observation.slot) == Host::reflector;
  if (reflectors) reflector_seen_.add(slot_point(observation.slot));
}

/// What a reply tells of the reflector.
void ReplaySession::take(const Observation& observation) {
  const bool other_clock = settings_.two_points && !settings_.at_reflector &&
                           settings_.clocks.kind != stats::ClockRelation::Kind::same_clock;
  if (other_clock && observation.kind == Observation::Kind::timestamp) return;
  record(observation);
}

void ReplaySession::record(const Observation& observation) {
  if (state_ == State::refused) return;
  if (state_ == State::running) return correlator_->add(observation);
  note_reflector_point(observation);
  backlog_.push_back(observation);
  if (counters_.replies >= replies_to_look_at || backlog_.size() >= longest_backlog) start();
}

void ReplaySession::make_plan() {
  PointSet sender = points_of(Layer::pcap);
  if (settings_.at_sender && settings_.match == Match::stamp) sender.add(Point::app_tx);
  PointSet reflector = reflector_seen_;
  if (settings_.two_points) reflector = reflector | points_of(Layer::pcap);
  plan_.plan = stats::plan_of(sender, reflector);
  plan_.clocks = settings_.clocks;
  plan_.nic_converted = {false, replies_.info().nic_converted};
  plan_.interval_ns = settings_.interval_ns;
  plan_.scheduled = false;
}

CorrelatorConfig ReplaySession::correlator_config() const {
  CorrelatorConfig config;
  config.window = window();
  config.window_limit = window_limit;
  config.departure = Point::pcap_tx;
  config.arrival = Point::pcap_rx;
  config.timeout = settings_.timeout;
  config.grace = grace;
  config.sender_points = stats::active_points(plan_.plan, Host::sender);
  config.reflector_points = stats::active_points(plan_.plan, Host::reflector);
  for (std::size_t i = 0; i < slot_count; ++i) config.absent_reason[i] = plan_.plan[i].reason;
  config.reflector_reports = replies_.info().reports();
  if (settings_.two_points) {
    config.reported_points = config.reported_points.without(points_of(Layer::pcap));
  }
  config.reflector_counts = replies_.info().stateful;
  config.nic_converted = plan_.nic_converted;
  return config;
}

void ReplaySession::start() {
  if (!sink_->admits(identity_)) {
    state_ = State::refused;
    backlog_ = {};
    return;
  }
  state_ = State::running;
  make_plan();
  correlator_.emplace(correlator_config());
  correlator_->permit_window(window());
  statistics_.emplace(plan_);
  for (const auto& observation : std::exchange(backlog_, {})) correlator_->add(observation);
}

void ReplaySession::on_clock_step(MonotonicTime good, MonotonicTime now, std::int64_t size_ns) {
  if (state_ == State::looking && backlog_.empty()) return;
  Observation observation;
  observation.kind = Observation::Kind::clock_step;
  observation.second = good.ns;
  observation.monotonic_ns = now.ns;
  observation.value_ns = size_ns;
  record(observation);
}

void ReplaySession::close(MonotonicTime now) {
  if (state_ != State::running) return;
  if (++since_close_ < close_packets && now < close_at_) return;
  since_close_ = 0;
  close_at_ = now + close_interval;
  keep(correlator_->close(now));
  if (settings_.interval_ns != 0 && last_ns_ >= interval_until_ns_) {
    hand_out_intervals(false);
    interval_until_ns_ = last_ns_ + settings_.interval_ns;
  }
}

void ReplaySession::keep(std::span<const ProbeRecord> records) {
  if (records.empty()) return;
  handed_out_.assign(records.begin(), records.end());
  for (auto& record : handed_out_) {
    // IPDV and the store go by the sender's own numbers.
    if (const auto* probe = numbers_.at(record.sequence)) record.sequence = probe->number;
    statistics_->fold(record);
  }
  sink_->on_records(identity_, handed_out_);
}

void ReplaySession::hand_out_intervals(bool flush) {
  statistics_->note_late_duplicates(correlator_->counters().late_duplicates);
  auto rollups = statistics_->take_finished_intervals(flush);
  auto counts = statistics_->take_finished_counts();
  sink_->on_rollups(identity_, std::move(rollups), std::move(counts));
}

void ReplaySession::finish(MonotonicTime now) {
  if (state_ == State::looking && counters_.requests > 0) start();
  if (state_ != State::running) return;
  keep(correlator_->close(now));
  const auto rest = correlator_->finish();
  // A record stays open beyond the timeout, for reports.
  const auto end_ns = saturating_sum(last_ns_, (now - last_now_).count());
  counters_.cut_off +=
      static_cast<std::uint64_t>(std::ranges::count_if(rest, [&](const ProbeRecord& record) {
        const auto* probe = numbers_.at(record.sequence);
        return record.reply_count == 0 && probe != nullptr &&
               saturating_difference(end_ns, probe->ns) < settings_.timeout.count();
      }));
  keep(rest);
  if (settings_.interval_ns != 0) hand_out_intervals(true);
}

}  // namespace netobs::capture
