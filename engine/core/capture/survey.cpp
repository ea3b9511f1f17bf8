#include "core/capture/survey.hpp"

#include <algorithm>

#include "core/base/saturating.hpp"

namespace netobs::capture {
namespace {

/// Snap lengths may differ: no more than this of a payload counts, octets.
constexpr std::size_t compared = 32;

std::uint64_t fingerprint(const Datagram& datagram, const OrientedFlow& flow) {
  Datagram head = datagram;
  head.payload = datagram.payload.first(std::min(compared, datagram.payload.size()));
  FlowKey key = flow.key;
  key.words[0] ^= flow.side;
  const auto words = std::uint64_t{datagram.icmp_sequence} << 1U;
  return payload_hash(head) ^ FlowKeyHash { words }(key);
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

Survey::Survey(const MatcherConfig& config) : matcher_(config, sink_) {}

void Survey::on_packet(unsigned point, LinkType link, std::int64_t ns,
                       std::span<const std::byte> frame) {
  const auto datagram = read_link_frame(link, frame);
  if (!datagram) return;
  const auto flow = orient(*datagram);
  const auto print = fingerprint(*datagram, flow);
  if (point == 0) {
    first_.emplace(print, ns);
    (void)matcher_.on_datagram(*datagram, {ns, {ns}}, Vantage::near);
    return;
  }
  const auto found = first_.find(print);
  if (found == first_.end()) return;
  common_.push_back({flow, saturating_difference(ns, found->second)});
  first_.erase(found);
}

SurveyResult Survey::conclude() {
  matcher_.finish({});
  std::unordered_map<FlowKey, unsigned, FlowKeyHash> sender_side;
  for (const auto& session : matcher_.sessions()) {
    const auto flow = flow_of(session->identity(), session->match());
    sender_side.emplace(flow.key, flow.side);
  }
  std::vector<std::int64_t> requests;
  std::vector<std::int64_t> replies;
  for (const auto& common : common_) {
    const auto side = sender_side.find(common.flow.key);
    if (side == sender_side.end()) continue;
    (side->second == common.flow.side ? requests : replies).push_back(common.difference_ns);
  }
  SurveyResult result{.common = requests.size() + replies.size()};
  const auto out = median(requests);
  const auto back = median(replies);
  if (out && back) {
    // Away from the sender a request comes later and its reply earlier, whatever the clocks say.
    result.direction_known = *out != *back;
    result.second_is_near = *out < *back;
  }
  const auto offset = out ? *out : back.value_or(0);
  result.offset_ns = result.second_is_near ? saturating_difference(0, offset) : offset;
  return result;
}

}  // namespace netobs::capture
