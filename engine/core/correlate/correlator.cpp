#include "core/correlate/correlator.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/base/saturating.hpp"

namespace netobs {
namespace {

/// A small window of records may still meet long runs of duplicates.
constexpr std::size_t least_numbers = 1024;

/// Nothing more is awaited: lost_by_kernel is what a slot begins with.
bool is_settled(Reason reason) {
  return reason == Reason::captured || reason == Reason::not_requested ||
         reason == Reason::clock_invalid;
}

}  // namespace

Correlator::Correlator(const CorrelatorConfig& config)
    : config_(config),
      arrivals_(std::max({least_numbers, config.window, config.window_limit})),
      window_(config.window) {
  NETOBS_CHECK(std::has_single_bit(config.window), "window {}", config.window);
  NETOBS_CHECK(config.window_limit == 0 || std::has_single_bit(config.window_limit), "limit {}",
               config.window_limit);
  closed_.reserve(config.window);
  for (const auto slot_index : path_order) {
    const auto& points =
        slot_host(slot_index) == Host::sender ? config.sender_points : config.reflector_points;
    if (points.has(slot_point(slot_index))) expected_slots_.push_back(slot_index);
  }
}

Correlator::Entry* Correlator::find(std::uint64_t sequence) {
  if (sequence < oldest_ || sequence >= next_) return nullptr;
  return &window_[sequence & (window_.size() - 1)];
}

void Correlator::add(const Observation& observation) {
  // The first call after records were handed out starts a new list of closed ones.
  if (std::exchange(handed_out_, false)) closed_.clear();
  switch (observation.kind) {
    case Observation::Kind::sent:
    case Observation::Kind::send_failed:
      open_record(observation);
      return;
    case Observation::Kind::clock_good:
      clock_good_until_ns_ = observation.monotonic_ns;
      clock_watched_ = true;
      return;
    case Observation::Kind::reflector_clock_step:
      ++counters_.reflector_clock_steps;
      on_clock_step(observation);
      return;
    case Observation::Kind::clock_step:
      on_clock_step(observation);
      return;
    case Observation::Kind::drain_reply:
      if (!first_drain_reply_ || observation.sequence < first_drain_reply_->sequence) {
        first_drain_reply_ = {observation.sequence, arrivals_.first_of_probe(observation.number)};
      } else {
        arrivals_.again(observation.number);
      }
      return;
    case Observation::Kind::reply:
    case Observation::Kind::timestamp:
    case Observation::Kind::reflector_report:
      break;
  }
  Entry* entry = find(observation.sequence);
  if (entry == nullptr) return count_late(observation);
  if (observation.kind == Observation::Kind::reply) {
    on_reply(*entry, observation);
  } else if (observation.kind == Observation::Kind::timestamp) {
    if (observation.second != 0 && !belongs_to_record(*entry, observation.number)) return;
    on_timestamp(*entry, observation.slot, observation.value_ns);
  } else {
    if (observation.second != 0) entry->record.clock_stepped = true;
    on_report(*entry, observation);
  }
}

void Correlator::open_record(const Observation& observation) {
  if (observation.sequence >= next_) {
    // A gap means that "sent" observations were lost on the way here: those probes are recorded as
    // unknown rather than silently left out.
    while (next_ < observation.sequence) {
      Observation missing;
      missing.kind = Observation::Kind::sent;
      missing.sequence = next_;
      missing.value_ns = observation.value_ns;
      missing.monotonic_ns = observation.monotonic_ns;
      open_record(missing);
      Entry& unseen = window_[(next_ - 1) & (window_.size() - 1)];
      unseen.record.reason[slot(Host::sender, config_.departure)] = Reason::lost_by_us;
    }
    if (next_ - oldest_ == window_.size()) make_room();
    Entry& entry = window_[next_ & (window_.size() - 1)];
    entry = Entry{};
    entry.record.sequence = next_;
    entry.record.reason.fill(Reason::lost_by_kernel);
    entry.sent_monotonic_ns = observation.monotonic_ns;
    if (observation.kind == Observation::Kind::sent && observation.slot != 0) {
      entry.record.reason[slot(Host::sender, Point::tx_hardware)] = Reason::not_requested;
    }
    ++next_;
  }
  Entry* entry = find(observation.sequence);
  if (entry == nullptr) return count_late(observation);
  if (observation.kind == Observation::Kind::send_failed) {
    entry->failed = true;
    return;
  }
  entry->record.intended_ns = observation.value_ns - observation.second;
  entry->record.send_error_ns = observation.second;
  on_timestamp(*entry, slot(Host::sender, config_.departure), observation.value_ns);
}

void Correlator::make_room() {
  if (window_.size() >= std::min(config_.window_limit, permitted_)) {
    ++counters_.forced_closes;
    close_oldest();
    return;
  }
  std::vector<Entry> wider(window_.size() * 2);
  for (std::uint64_t sequence = oldest_; sequence < next_; ++sequence) {
    wider[sequence & (wider.size() - 1)] = window_[sequence & (window_.size() - 1)];
  }
  window_ = std::move(wider);
}

void Correlator::on_reply(Entry& entry, const Observation& observation) {
  auto& record = entry.record;
  ++record.reply_count;
  if (entry.number) {
    arrivals_.again(observation.number);
  } else {
    entry.number = arrivals_.first_of_probe(observation.number);
  }
  if (entry.replied) return;
  entry.replied = true;
  entry.reply_monotonic_ns = observation.monotonic_ns;
  record.reflector_sequence = observation.number;
  if (entry.passage && *entry.passage != observation.number) forget_reflector(entry);
  entry.passage = observation.number;
  record.reply_ttl = observation.ttl;
  record.reflector_ttl = observation.peer_ttl;
  on_timestamp(entry, slot(Host::sender, config_.arrival), observation.value_ns);
  record.reordered = any_answered_ && record.sequence < highest_answered_;
  highest_answered_ =
      any_answered_ ? std::max(highest_answered_, record.sequence) : record.sequence;
  any_answered_ = true;
}

/// A duplicated request is answered twice, and reported twice, under two numbers of the reflector.
/// The record is of one passage: that of the reply that was taken, or, before any reply, of the
/// first report.
bool Correlator::belongs_to_record(Entry& entry, std::uint32_t number) {
  if (!entry.passage) entry.passage = number;
  if (*entry.passage == number) return true;
  ++counters_.other_passages;
  return false;
}

/// What a report says of its times is of the same passage as they are.
void Correlator::take_remarks(Entry& entry, const Observation& observation) {
  if (!entry.passage) entry.passage = observation.number;
  if (*entry.passage != observation.number) return;
  if (observation.value_ns >= 0) entry.reflector_nic_bound_ns = observation.value_ns;
  const auto settle = [&](Point point, Reason why) {
    auto& reason = entry.record.reason[slot(Host::reflector, point)];
    if (reason != Reason::captured) reason = why;
  };
  if ((observation.slot & report_flag_hardware_impossible) != 0) {
    settle(Point::rx_hardware, Reason::clock_invalid);
    settle(Point::tx_hardware, Reason::clock_invalid);
  }
  if ((observation.slot & report_flag_tx_hardware_unasked) != 0) {
    settle(Point::tx_hardware, Reason::not_requested);
  }
  if ((observation.slot & report_flag_hook_events_lost) != 0) {
    for (const auto& row : point_table) {
      const bool expected =
          (config_.reflector_points & config_.reported_points & hook_points).has(row.point);
      if (expected) settle(row.point, Reason::lost_by_us);
    }
  }
}

void Correlator::on_report(Entry& entry, const Observation& observation) {
  entry.reported = true;
  take_remarks(entry, observation);
  if (entry.number) {
    arrivals_.again(observation.number);
  } else {
    entry.number = arrivals_.first_of_probe(observation.number);
  }
}

/// What an earlier report told was of another passage than the reply that is taken.
void Correlator::forget_reflector(Entry& entry) {
  for (const auto slot_index : path_order) {
    if (slot_host(slot_index) != Host::reflector) continue;
    entry.record.ns[slot_index] = 0;
    entry.record.reason[slot_index] = Reason::lost_by_kernel;
  }
  entry.reflector_nic_bound_ns.reset();
  ++counters_.other_passages;
}

void Correlator::on_timestamp(Entry& entry, std::size_t slot_index, std::int64_t value_ns) {
  NETOBS_CHECK(slot_index < slot_count, "slot {}", slot_index);
  if (entry.record.reason[slot_index] == Reason::captured) {
    // Stacked devices stamp a packet once each: the first tx_sched is the entry into the stack, the
    // last of the points behind the qdisc is the lowest device.
    const auto point = slot_point(slot_index);
    const bool lowest_wins = point == Point::tx_software || point == Point::net_dev_start_xmit;
    auto& kept = entry.record.ns[slot_index];
    if (lowest_wins) {
      const bool first = config_.buffer_comes_back && point == Point::tx_software;
      kept = first ? std::min(kept, value_ns) : std::max(kept, value_ns);
    }
    ++counters_.duplicate_timestamps;
    return;
  }
  entry.record.set(slot_index, value_ns);
}

void Correlator::on_clock_step(const Observation& observation) {
  for (std::uint64_t sequence = oldest_; sequence < next_; ++sequence) {
    Entry& entry = window_[sequence & (window_.size() - 1)];
    const bool ended_before = entry.replied && entry.reply_monotonic_ns < observation.second;
    const bool began_after = entry.sent_monotonic_ns > observation.monotonic_ns;
    if (!ended_before && !began_after) entry.record.clock_stepped = true;
  }
  clock_good_until_ns_ = observation.monotonic_ns;
}

void Correlator::count_late(const Observation& observation) {
  if (observation.sequence >= next_) {
    ++counters_.unknown_sequence;
    return;
  }
  if (observation.kind == Observation::Kind::timestamp) {
    ++counters_.late_timestamps;
    return;
  }
  // The slot keeps the closed record until the window comes round.
  const Entry& entry = window_[observation.sequence & (window_.size() - 1)];
  const bool still_there = entry.record.sequence == observation.sequence;
  // A direction decided without this number counts as one of those that its gap is known to miss.
  if (!still_there || entry.number) arrivals_.again(observation.number);
  if (observation.kind != Observation::Kind::reply) return;
  ++(still_there && entry.replied ? counters_.late_duplicates : counters_.late_replies);
}

bool Correlator::complete(const Entry& entry) const {
  if (entry.failed) return true;
  if (!entry.replied) return false;
  // A step of the clock that has not been noticed yet must still find the record open.
  if (clock_watched_ && entry.reply_monotonic_ns > clock_good_until_ns_) return false;
  return std::ranges::all_of(expected_slots_, [&](std::size_t slot_index) {
    return is_settled(entry.record.reason[slot_index]);
  });
}

bool Correlator::overdue(const Entry& entry, MonotonicTime now) const {
  return now.ns - entry.sent_monotonic_ns >= (config_.timeout + config_.grace).count();
}

std::span<const ProbeRecord> Correlator::close(MonotonicTime now) {
  if (std::exchange(handed_out_, true)) closed_.clear();
  while (oldest_ < next_) {
    const Entry& entry = window_[oldest_ & (window_.size() - 1)];
    if (!complete(entry) && !overdue(entry, now)) break;
    close_oldest();
  }
  return closed_;
}

std::span<const ProbeRecord> Correlator::finish() {
  if (std::exchange(handed_out_, true)) closed_.clear();
  while (oldest_ < next_) close_oldest();
  return closed_;
}

void Correlator::close_oldest() {
  Entry& entry = window_[oldest_ & (window_.size() - 1)];
  settle_outcome(entry);
  settle_hardware(entry);
  settle_reasons(entry);
  closed_.push_back(entry.record);
  ++oldest_;
}

void Correlator::settle_outcome(Entry& entry) {
  auto& record = entry.record;
  if (entry.failed && !entry.replied) {
    record.outcome = Outcome::send_failed;
  } else if (entry.replied) {
    const auto waited = entry.reply_monotonic_ns - entry.sent_monotonic_ns;
    record.outcome = waited <= config_.timeout.count() ? Outcome::answered : Outcome::late;
  } else if (known_to_have_arrived(entry)) {
    record.outcome = Outcome::lost_backward;
  } else {
    record.outcome = direction_of_loss(record.sequence);
  }
  const bool newer = entry.number && (!last_known_ || entry.number->epoch != last_known_->epoch ||
                                      entry.number->number > last_known_->number);
  if (newer) {
    last_known_ = entry.number;
    arrived_since_ = 0;
  } else if (!entry.number && record.outcome == Outcome::lost_backward) {
    ++arrived_since_;
  }
}

/// From the reflector, or from our own receive path, where only its reply can have been.
bool Correlator::known_to_have_arrived(const Entry& entry) const {
  if (entry.reported) return true;
  return std::ranges::any_of(path_order, [&](std::size_t s) {
    const bool beyond =
        slot_host(s) == Host::reflector || info(slot_point(s)).direction == Direction::rx;
    return beyond && entry.record.reason[s] == Reason::captured;
  });
}

Outcome Correlator::direction_of_loss(std::uint64_t sequence) {
  if (sequence >= gap_.end || gap_.version != arrivals_.version()) gap_ = measure_gap(sequence);
  // Nothing came back since: the last probes of a run, or an outage longer than the wait.
  if (!gap_.followed) return Outcome::lost_unknown;
  if (!config_.reflector_counts) {
    // A reflector that reports every probe, twice, and never mentioned this one did not get it.
    return config_.reflector_reports ? Outcome::lost_forward : Outcome::lost_unknown;
  }
  if (!gap_.arrived || gap_.unknown == 0) return Outcome::lost_unknown;
  // Where only some arrived their count is right, and which ones they were is not known. Forward
  // comes first: a report of a later one, which is still open, may yet come and must fit the count.
  const bool arrived = gap_.unknown-- <= *gap_.arrived;
  if (!arrived) return Outcome::lost_forward;
  --*gap_.arrived;
  return Outcome::lost_backward;
}

Correlator::Gap Correlator::measure_gap(std::uint64_t first) const {
  Gap gap;
  gap.end = next_;
  gap.version = arrivals_.version();
  std::uint64_t certain = arrived_since_;
  std::optional<ArrivalNumbers::Known> after;
  for (std::uint64_t sequence = first; sequence < next_; ++sequence) {
    const Entry& entry = window_[sequence & (window_.size() - 1)];
    if (entry.number) {
      const bool overtaken = last_known_ && entry.number->epoch == last_known_->epoch &&
                             entry.number->number < last_known_->number;
      if (overtaken) continue;
      gap.end = sequence;
      after = entry.number;
      break;
    }
    if (!entry.failed) ++(known_to_have_arrived(entry) ? certain : gap.unknown);
  }
  bool exact = true;
  if (!after && first_drain_reply_) {
    after = first_drain_reply_->number;
    exact = first_drain_reply_->sequence == next_;
  }
  if (!after) return gap;
  gap.followed = true;
  const bool start_known = last_known_ || config_.reflector_reports;
  if (!start_known) return gap;
  const auto missing = arrivals_.missing_between(last_known_, *after);
  if (!missing || *missing < certain) return gap;
  const auto arrived = *missing - certain;
  // Drain probes before the first answered one may be among those that arrived.
  if (exact || arrived == 0) gap.arrived = std::min(arrived, gap.unknown);
  return gap;
}

/// One offset for both times of a probe: their difference stays the NIC's own. What the clocks have
/// drifted apart between the two widens the bound.
std::optional<std::int64_t> Correlator::convert_sender_hardware(ProbeRecord& record) {
  const auto sent_ns = record.at(Host::sender, Point::app_tx);
  if (!sent_ns) return std::nullopt;
  const auto offset = nic_clock_.offset_at(*sent_ns);
  if (!offset) return std::nullopt;
  const auto received_ns = record.at(Host::sender, Point::app_rx);
  const auto later = received_ns ? nic_clock_.offset_at(*received_ns) : offset;
  if (!later || later->epoch != offset->epoch) return std::nullopt;
  for (const Point point : {Point::tx_hardware, Point::rx_hardware}) {
    const auto nic_ns = record.at(Host::sender, point);
    if (nic_ns) record.ns[slot(Host::sender, point)] = saturating_sum(*nic_ns, offset->ns);
  }
  return combined_bound_ns(*offset, *later);
}

void Correlator::reject_hardware(ProbeRecord& record, std::size_t slot_index) {
  record.ns[slot_index] = 0;
  record.reason[slot_index] = Reason::clock_invalid;
  ++counters_.impossible_hardware;
}

void Correlator::reject_repeated(ProbeRecord& record) {
  for (const auto& [point, beside] : {std::pair{Point::tx_hardware, Point::tx_software},
                                      std::pair{Point::rx_hardware, Point::rx_software}}) {
    const auto nic_ns = record.at(Host::sender, point);
    const auto software_ns = record.at(Host::sender, beside);
    if (!nic_ns || !software_ns) continue;
    const HardwareSighting now{*nic_ns, *software_ns};
    if (is_repeated(std::exchange(last_seen_by_nic_[index(info(point).direction)], now), now)) {
      reject_hardware(record, slot(Host::sender, point));
    }
  }
}

void Correlator::settle_hardware(Entry& entry) {
  auto& record = entry.record;
  if (config_.nic_converted[index(Host::sender)]) reject_repeated(record);
  for (const Host host : {Host::sender, Host::reflector}) {
    if (!has_hardware_times(record, host)) continue;
    std::optional<std::int64_t> bound_ns;
    if (config_.nic_converted[index(host)]) {
      bound_ns =
          host == Host::sender ? convert_sender_hardware(record) : entry.reflector_nic_bound_ns;
    }
    const bool convertible = bound_ns.has_value() || !config_.nic_converted[index(host)];
    for (const Point point : {Point::tx_hardware, Point::rx_hardware}) {
      // With the host's clock set in between, its times judge nothing.
      const bool judged = !record.clock_stepped;
      const bool possible = convertible && (!judged || is_possible(record, host, point, bound_ns));
      if (record.at(host, point) && !possible) reject_hardware(record, slot(host, point));
    }
    auto& widest = nic_bound_ns_[index(host)];
    if (bound_ns) widest = std::max(widest.value_or(0), *bound_ns);
  }
}

void Correlator::settle_reasons(Entry& entry) const {
  auto& record = entry.record;
  // How far along its path the packet is known to have come.
  std::size_t reached = 0;
  for (std::size_t i = 0; i < path_order.size(); ++i) {
    const bool answered = entry.reported && path_order[i] == slot(Host::reflector, Point::app_tx);
    if (answered || record.reason[path_order[i]] == Reason::captured) reached = i + 1;
  }
  for (std::size_t i = 0; i < path_order.size(); ++i) {
    const auto slot_index = path_order[i];
    auto& reason = record.reason[slot_index];
    if (is_settled(reason) || reason == Reason::lost_by_us) continue;
    const bool reflector = slot_host(slot_index) == Host::reflector;
    const auto& points = reflector ? config_.reflector_points : config_.sender_points;
    if (!points.has(slot_point(slot_index))) {
      reason = config_.absent_reason[slot_index];
    } else if (i >= reached) {
      reason = Reason::probe_lost;
    } else if (reflector && config_.reflector_reports && !entry.reported) {
      reason = Reason::not_reported;
    } else {
      reason = Reason::lost_by_kernel;
    }
  }
}

}  // namespace netobs
