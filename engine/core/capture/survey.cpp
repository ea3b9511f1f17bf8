#include "core/capture/survey.hpp"

#include <algorithm>
#include <utility>

#include "core/base/saturating.hpp"

namespace netobs::capture {
namespace {

/// Snap lengths may differ: no more than this of a payload counts, octets.
constexpr std::size_t compared = 32;
/// A packet that the end of one file and the beginning of the next one both have, as captures of
/// all interfaces do, makes no second point.
constexpr std::uint64_t least_common = 2;
/// Of the packets of the smaller capture, and of the time of the shorter one.
constexpr unsigned sizeable_part = 10;
/// So many each way tell a direction that can stand for a sizeable part.
constexpr std::size_t firm_direction = 4;

std::uint64_t way_hash(const OrientedFlow& flow, std::uint64_t seed) {
  FlowKey key = flow.key;
  key.words[0] ^= flow.side;
  return FlowKeyHash{seed}(key);
}

std::span<const std::byte> head_of(const Datagram& datagram) {
  return datagram.payload.first(std::min(compared, datagram.payload.size()));
}

std::uint64_t fingerprint(const Datagram& datagram, const OrientedFlow& flow) {
  Datagram head = datagram;
  head.payload = head_of(datagram);
  return payload_hash(head) ^ way_hash(flow, std::uint64_t{datagram.icmp_sequence} << 1U);
}

std::optional<std::int64_t> median(std::vector<std::int64_t>& values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

OrientedFlow flow_of(const SessionIdentity& session, Match match) {
  Datagram request;
  request.source = session.sender;
  request.destination = session.reflector;
  if (match == Match::icmp) {
    request.transport = Transport::icmp_echo_request;
    request.icmp_id = session.sender.port;
  }
  return orient(request);
}

}  // namespace

Survey::Survey(const MatcherConfig& config)
    : match_(config.session.match), matcher_(config, sink_) {}

void Survey::on_packet(unsigned point, LinkType link, std::int64_t ns,
                       std::span<const std::byte> frame) {
  Point& capture = points_[point];
  if (!capture.first_ns) {
    capture.first_ns = ns;
    capture.last_ns = ns;
  }
  capture.first_ns = std::min(*capture.first_ns, ns);
  capture.last_ns = std::max(capture.last_ns, ns);
  const auto datagram = read_link_frame(link, frame);
  if (!datagram) return;
  const auto flow = orient(*datagram);
  const bool unique = point == 0 && is_unique(*datagram, flow);
  capture.packets.emplace(fingerprint(*datagram, flow), Seen{flow, ns, unique});
  if (point == 0) (void)matcher_.on_datagram(*datagram, {ns, {ns}}, Vantage::near);
}

/// Besides its number a STAMP packet has a time, and a ping may have one. What else an echo holds
/// is not known: a counter that begins anew looks like a time.
bool Survey::is_unique(const Datagram& datagram, const OrientedFlow& flow) {
  constexpr std::size_t number = 4;
  if (match_ == Match::udp_echo) return false;
  Datagram rest = datagram;
  rest.payload = head_of(datagram);
  if (match_ == Match::stamp) {
    rest.payload = rest.payload.subspan(std::min(number, rest.payload.size()));
  }
  const auto hash = payload_hash(rest);
  const auto [latest, first] = latest_.emplace(way_hash(flow, 0), hash);
  return !first && std::exchange(latest->second, hash) != hash;
}

Survey::Differences Survey::compare() const {
  std::unordered_map<FlowKey, unsigned, FlowKeyHash> sender_side;
  for (const auto& session : matcher_.sessions()) {
    const auto flow = flow_of(session->identity(), session->match());
    sender_side.emplace(flow.key, flow.side);
  }
  Differences differences;
  std::array<std::uint64_t, 2> of_sessions{};
  for (const auto& [print, seen] : points_[0].packets) {
    const auto side = sender_side.find(seen.flow.key);
    if (side == sender_side.end()) continue;
    ++of_sessions[0];
    const auto again = points_[1].packets.find(print);
    if (again == points_[1].packets.end()) continue;
    auto& way = side->second == seen.flow.side ? differences.requests : differences.replies;
    way.push_back(saturating_difference(again->second.ns, seen.ns));
    if (seen.unique) ++differences.unique;
  }
  for (const auto& [print, seen] : points_[1].packets) {
    if (sender_side.contains(seen.flow.key)) ++of_sessions[1];
  }
  differences.smaller = std::min(of_sessions[0], of_sessions[1]);
  return differences;
}

/// Parts of one capture follow each other, but for what CPUs hand over out of order.
bool Survey::overlap() const {
  const auto& [one, other] = points_;
  if (!one.first_ns || !other.first_ns) return false;
  const auto both = saturating_difference(std::min(one.last_ns, other.last_ns),
                                          std::max(*one.first_ns, *other.first_ns));
  const auto shorter = std::min(saturating_difference(one.last_ns, *one.first_ns),
                                saturating_difference(other.last_ns, *other.first_ns));
  return both >= 0 && both >= shorter / sizeable_part;
}

/// The clocks of two points need not agree. But without a common time only packets that come no
/// second time tell them from a test that was run again.
bool Survey::two_points(const Differences& differences, bool direction_known) const {
  const auto common = differences.common();
  if (common < least_common) return false;
  if (differences.unique < least_common && !overlap()) return false;
  const bool firm = direction_known && differences.requests.size() >= firm_direction &&
                    differences.replies.size() >= firm_direction;
  return firm || common >= differences.smaller / sizeable_part;
}

SurveyResult Survey::conclude() {
  matcher_.finish({});
  auto differences = compare();
  SurveyResult result{.common = differences.common()};
  const auto out = median(differences.requests);
  const auto back = median(differences.replies);
  if (out && back) {
    // Away from the sender a request comes later and its reply earlier, whatever the clocks say.
    result.direction_known = *out != *back;
    result.second_is_near = *out < *back;
  }
  result.two_points = two_points(differences, result.direction_known);
  const auto offset = out ? *out : back.value_or(0);
  result.offset_ns = result.second_is_near ? saturating_difference(0, offset) : offset;
  return result;
}

}  // namespace netobs::capture
