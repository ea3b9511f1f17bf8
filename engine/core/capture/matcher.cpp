#include "core/capture/matcher.hpp"

#include <algorithm>

#include "core/base/saturating.hpp"

namespace netobs::capture {
namespace {

std::unique_ptr<ProbeRules> rules_of(const MatcherConfig& config) {
  switch (config.session.match) {
    case Match::udp_echo:
      return udp_echo_rules(config.number);
    case Match::icmp:
      return icmp_rules();
    case Match::stamp:
      break;
  }
  return stamp_rules(config.ports);
}

Endpoint with_icmp_id(const Endpoint& endpoint, const Datagram& datagram) {
  Endpoint end = endpoint;
  if (datagram.transport != Transport::udp) end.port = datagram.icmp_id;
  return end;
}

}  // namespace

Matcher::Matcher(MatcherConfig config, SessionSink& sink)
    : config_(std::move(config)),
      room_(std::make_unique<WindowRoom>(config_.window_room)),
      sink_(&sink),
      rules_(rules_of(config_)),
      flows_(0, FlowKeyHash{config_.seed}) {
  config_.session.room = room_.get();
  config_.session.key_bits = rules_->key_bits();
  config_.session.keys_repeat = rules_->keys_repeat();
}

bool Matcher::on_datagram(const Datagram& datagram, Moment at, Vantage vantage) {
  const auto oriented = orient(datagram);
  Flow* flow = find(oriented.key);
  const auto side = oriented.side;
  if (vantage == Vantage::far) {
    if (flow != nullptr && flow->resolved() && take_far(*flow, side, datagram, at)) return true;
    ++counters_.far_unknown;
    return false;
  }
  // A payload that comes back is weak evidence: there, each way of a flow has one meaning.
  const bool both_ways = config_.session.match == Match::stamp;
  if (flow != nullptr && (both_ways || !flow->sides[side].resolved) &&
      take_reply(*flow, 1 - side, datagram, at)) {
    return true;
  }
  const auto words = rules_->request(datagram, at.ns);
  if (!words) return false;
  if (flow == nullptr) flow = make_flow(oriented, datagram);
  if (flow == nullptr) return false;
  return take_request(*flow, side, {*words, at, datagram.payload_size});
}

Matcher::Flow* Matcher::find(const FlowKey& key) {
  if (last_ != nullptr && last_->key == key) return last_;
  const auto found = flows_.find(key);
  if (found == flows_.end()) return nullptr;
  last_ = found->second.get();
  return last_;
}

Matcher::Flow* Matcher::make_flow(const OrientedFlow& oriented, const Datagram& datagram) {
  while (flows_.size() >= config_.max_flows || all_pending_ >= config_.max_all_pending) {
    if (!forget_oldest()) return nullptr;
  }
  auto flow = std::make_unique<Flow>();
  flow->key = oriented.key;
  flow->first_side = oriented.side;
  flow->ends[oriented.side] = with_icmp_id(datagram.source, datagram);
  flow->ends[1 - oriented.side] = with_icmp_id(datagram.destination, datagram);
  last_ = flow.get();
  by_age_.push_back(last_);
  flows_.emplace(oriented.key, std::move(flow));
  return last_;
}

bool Matcher::forget_oldest() {
  while (!by_age_.empty()) {
    Flow* flow = by_age_.front();
    by_age_.pop_front();
    if (flow->resolved()) continue;
    for (const auto& side : flow->sides) {
      all_pending_ -= side.pending.size();
      counters_.candidates_dropped += side.pending.size();
    }
    ++counters_.flows_dropped;
    if (last_ == flow) last_ = nullptr;
    flows_.erase(FlowKey(flow->key));
    return true;
  }
  ++counters_.flows_dropped;
  return false;
}

const Matcher::Candidate* Matcher::Side::find(const ReplyWords& words, bool key_suffices) const {
  const Candidate* by_key = nullptr;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    const auto& candidate = pending[(oldest + i) % pending.size()];
    if (candidate.words.key != words.key) continue;
    if (words.token && candidate.words.token == *words.token) return &candidate;
    if (by_key == nullptr) by_key = &candidate;
  }
  return key_suffices ? by_key : nullptr;
}

wire::Mode Matcher::Side::mode() const {
  if (!sessions.empty()) return sessions.front().second->identity().mode;
  return pending.empty() ? wire::Mode::unauthenticated : pending[oldest].words.mode;
}

ReplaySession* Matcher::Side::session_of(std::uint16_t ssid) const {
  if (!split) return sessions.empty() ? nullptr : sessions.front().second;
  const auto found = std::ranges::find(sessions, ssid, [](const auto& each) { return each.first; });
  return found == sessions.end() ? nullptr : found->second;
}

bool Matcher::take_reply(Flow& flow, unsigned request_side, const Datagram& datagram, Moment at) {
  Side& side = flow.sides[request_side];
  if (!side.active()) return false;
  const auto words = rules_->reply(datagram, side.mode());
  if (!words) return false;
  const bool stamp = config_.session.match == Match::stamp;
  const bool key_suffices = rules_->key_suffices(*words);
  if (!side.resolved) {
    // Without the request's T1 only a reflector's port gives weight to a number.
    const auto& oldest = side.pending[side.oldest].words;
    const auto* candidate = side.find(*words, key_suffices && (!stamp || oldest.by_port));
    if (candidate == nullptr) return false;
    const bool repeats_ssid = candidate->words.has_ssid && candidate->words.ssid != 0 &&
                              words->ssid == candidate->words.ssid;
    resolve(flow, request_side, repeats_ssid);
  }
  auto* session = side.session_of(words->ssid);
  if (session != nullptr && session->on_reply(*words, key_suffices, datagram, at)) return true;
  if (stamp || session == nullptr) return false;
  session->count_orphan_reply();
  return true;
}

bool Matcher::take_request(Flow& flow, unsigned side, const Candidate& candidate) {
  if (candidate.words.certain && !flow.sides[side].resolved) resolve(flow, side, false);
  if (!flow.sides[side].resolved) {
    hold_back(flow, side, candidate);
    return true;
  }
  auto* session = session_for(flow, side, candidate.words);
  if (session == nullptr) {
    ++counters_.over_limit;
    return true;
  }
  session->on_request(candidate.words, candidate.payload_size, candidate.at);
  return true;
}

bool Matcher::take_far(Flow& flow, unsigned side, const Datagram& datagram, Moment at) {
  const Side& back = flow.sides[1 - side];
  if (back.resolved) {
    const auto words = rules_->reply(datagram, back.mode());
    auto* session = words ? back.session_of(words->ssid) : nullptr;
    if (session != nullptr && session->on_far_reply(*words, rules_->key_suffices(*words), at)) {
      return true;
    }
  }
  const Side& out = flow.sides[side];
  if (!out.resolved) return false;
  const auto words = rules_->request(datagram, at.ns);
  auto* session = words ? out.session_of(words->ssid) : nullptr;
  if (session != nullptr && !words->measured) return true;
  const auto near_ns = session == nullptr ? std::nullopt : session->on_far_request(*words, at);
  if (near_ns) far_offset_ns_ = saturating_difference(at.ns, *near_ns);
  return near_ns.has_value();
}

void Matcher::hold_back(Flow& flow, unsigned side, const Candidate& candidate) {
  Side& way = flow.sides[side];
  if (way.pending.size() < config_.max_pending && all_pending_ < config_.max_all_pending) {
    way.pending.push_back(candidate);
    ++all_pending_;
    return;
  }
  if (way.pending.empty()) {
    ++counters_.candidates_dropped;
    return;
  }
  if (way.pending[way.oldest].words.by_port && !flow.resolved()) {
    // So many and no answer: a session whose replies went another way, or were lost.
    resolve(flow, side, false);
    (void)take_request(flow, side, candidate);
    return;
  }
  drop(flow, side, way.pending[way.oldest]);
  way.pending[way.oldest] = candidate;
  way.oldest = (way.oldest + 1) % way.pending.size();
}

/// What looked like a request on the way back of a session was a reply whose request is not there.
void Matcher::drop(Flow& flow, unsigned side, const Candidate& candidate) {
  const Side& requests = flow.sides[1 - side];
  auto* session = requests.session_of(candidate.words.ssid);
  if (session == nullptr && !requests.sessions.empty()) session = requests.sessions.front().second;
  if (session == nullptr) {
    ++counters_.candidates_dropped;
  } else if (candidate.words.answer_hidden) {
    session->count_hidden_reply();
  } else {
    session->count_orphan_reply();
  }
}

void Matcher::resolve(Flow& flow, unsigned side, bool split) {
  Side& way = flow.sides[side];
  way.resolved = true;
  way.split = split;
  const auto pending = std::exchange(way.pending, {});
  const auto oldest = std::exchange(way.oldest, 0);
  all_pending_ -= pending.size();
  for (std::size_t i = 0; i < pending.size(); ++i) {
    (void)take_request(flow, side, pending[(oldest + i) % pending.size()]);
  }
}

ReplaySession* Matcher::session_for(Flow& flow, unsigned side, const RequestWords& words) {
  Side& way = flow.sides[side];
  if (auto* known = way.session_of(words.ssid)) return known;
  if (sessions_.size() >= config_.max_sessions ||
      way.sessions.size() >= config_.max_sessions_per_flow) {
    return nullptr;
  }
  SessionIdentity identity;
  identity.index = sessions_.size();
  identity.sender = flow.ends[side];
  identity.reflector = flow.ends[1 - side];
  if (way.split) identity.ssid = words.ssid;
  identity.mode = words.mode;
  sessions_.push_back(std::make_unique<ReplaySession>(identity, config_.session, *sink_));
  way.sessions.emplace_back(words.ssid, sessions_.back().get());
  return sessions_.back().get();
}

void Matcher::on_clock_step(MonotonicTime good, MonotonicTime now, std::int64_t size_ns) {
  for (const auto& session : sessions_) session->on_clock_step(good, now, size_ns);
}

/// Nothing answered: the requests to a reflector's port are a session all the same.
void Matcher::settle_by_port(Flow& flow) {
  if (flow.resolved()) return;
  for (const auto side : {flow.first_side, 1 - flow.first_side}) {
    const Side& way = flow.sides[side];
    if (way.pending.empty() || !way.pending[way.oldest].words.by_port) continue;
    resolve(flow, side, false);
    return;
  }
}

void Matcher::finish(MonotonicTime now) {
  for (Flow* flow : by_age_) settle_by_port(*flow);
  for (const auto& [key, flow] : flows_) {
    for (const unsigned side : {0U, 1U}) {
      for (const auto& candidate : flow->sides[side].pending) drop(*flow, side, candidate);
      flow->sides[side].pending.clear();
    }
  }
  all_pending_ = 0;
  for (const auto& session : sessions_) session->finish(now);
}

}  // namespace netobs::capture
