#include "micro/map_correlator.hpp"

#include <algorithm>

namespace netobs::micro {

MapCorrelator::MapCorrelator(const CorrelatorConfig& config) : config_(config) {
  open_.reserve(config.window);
  closed_.reserve(config.window);
  for (const auto slot_index : path_order) {
    const auto& points =
        slot_host(slot_index) == Host::sender ? config.sender_points : config.reflector_points;
    if (points.has(slot_point(slot_index))) expected_slots_.push_back(slot_index);
  }
}

void MapCorrelator::open_record(const Observation& observation) {
  Entry& entry = open_[observation.sequence];
  entry.record.sequence = observation.sequence;
  entry.record.reason.fill(Reason::lost_by_kernel);
  entry.record.intended_ns = observation.value_ns - observation.second;
  entry.record.send_error_ns = observation.second;
  entry.record.set(slot(Host::sender, Point::app_tx), observation.value_ns);
  entry.sent_monotonic_ns = observation.monotonic_ns;
  next_ = observation.sequence + 1;
}

void MapCorrelator::add(const Observation& observation) {
  if (observation.kind == Observation::Kind::sent) return open_record(observation);
  if (observation.kind == Observation::Kind::clock_good) {
    clock_good_until_ns_ = observation.monotonic_ns;
    return;
  }
  const auto found = open_.find(observation.sequence);
  if (found == open_.end()) return;
  Entry& entry = found->second;
  if (observation.kind == Observation::Kind::reply) {
    on_reply(entry, observation);
  } else if (observation.kind == Observation::Kind::reflector_report) {
    entry.reported = true;
  } else {
    if (observation.second != 0) {
      if (!entry.passage) entry.passage = observation.number;
      if (*entry.passage != observation.number) return;
    }
    if (entry.record.reason[observation.slot] == Reason::captured) return;
    entry.record.set(observation.slot, observation.value_ns);
  }
}

void MapCorrelator::on_reply(Entry& entry, const Observation& observation) {
  auto& record = entry.record;
  ++record.reply_count;
  if (entry.replied) return;
  entry.replied = true;
  entry.passage = observation.number;
  entry.reply_monotonic_ns = observation.monotonic_ns;
  record.reflector_sequence = observation.number;
  record.reply_ttl = observation.ttl;
  record.reflector_ttl = observation.peer_ttl;
  record.set(slot(Host::sender, Point::app_rx), observation.value_ns);
  record.reordered = highest_answered_ && record.sequence < *highest_answered_;
  highest_answered_ = std::max(highest_answered_.value_or(0), record.sequence);
}

bool MapCorrelator::complete(const Entry& entry) const {
  if (!entry.replied || entry.reply_monotonic_ns > clock_good_until_ns_) return false;
  return std::ranges::all_of(expected_slots_, [&](std::size_t slot_index) {
    return entry.record.reason[slot_index] == Reason::captured;
  });
}

std::span<const ProbeRecord> MapCorrelator::close(MonotonicTime now) {
  closed_.clear();
  const auto patience_ns = (config_.timeout + config_.grace).count();
  while (oldest_ < next_) {
    const Entry& entry = open_.at(oldest_);
    if (!complete(entry) && now.ns - entry.sent_monotonic_ns < patience_ns) break;
    close_oldest();
  }
  return closed_;
}

std::span<const ProbeRecord> MapCorrelator::finish() {
  closed_.clear();
  while (oldest_ < next_) close_oldest();
  return closed_;
}

void MapCorrelator::close_oldest() {
  const auto found = open_.find(oldest_);
  Entry& entry = found->second;
  entry.record.outcome = outcome_of(entry);
  settle_reasons(entry);
  closed_.push_back(entry.record);
  open_.erase(found);
  ++oldest_;
}

Outcome MapCorrelator::outcome_of(const Entry& entry) const {
  if (entry.replied) {
    const auto waited = entry.reply_monotonic_ns - entry.sent_monotonic_ns;
    return waited <= config_.timeout.count() ? Outcome::answered : Outcome::late;
  }
  const bool arrived = entry.reported || std::ranges::any_of(path_order, [&](std::size_t s) {
                         const bool beyond = slot_host(s) == Host::reflector ||
                                             info(slot_point(s)).direction == Direction::rx;
                         return beyond && entry.record.reason[s] == Reason::captured;
                       });
  if (arrived) return Outcome::lost_backward;
  return heard_of_later(entry.record.sequence) ? Outcome::lost_forward : Outcome::lost_unknown;
}

bool MapCorrelator::heard_of_later(std::uint64_t sequence) const {
  for (auto later = sequence + 1; later < next_; ++later) {
    const Entry& entry = open_.at(later);
    if (entry.replied || entry.reported) return true;
  }
  return false;
}

void MapCorrelator::settle_reasons(Entry& entry) const {
  auto& record = entry.record;
  std::size_t reached = 0;
  for (std::size_t i = 0; i < path_order.size(); ++i) {
    const bool answered = entry.reported && path_order[i] == slot(Host::reflector, Point::app_tx);
    if (answered || record.reason[path_order[i]] == Reason::captured) reached = i + 1;
  }
  for (std::size_t i = 0; i < path_order.size(); ++i) {
    const auto slot_index = path_order[i];
    auto& reason = record.reason[slot_index];
    if (reason == Reason::captured) continue;
    const bool reflector = slot_host(slot_index) == Host::reflector;
    const auto& points = reflector ? config_.reflector_points : config_.sender_points;
    if (!points.has(slot_point(slot_index))) {
      reason = config_.absent_reason[slot_index];
    } else if (i >= reached) {
      reason = Reason::probe_lost;
    } else if (reflector && !entry.reported) {
      reason = Reason::not_reported;
    } else {
      reason = Reason::lost_by_kernel;
    }
  }
}

}  // namespace netobs::micro
