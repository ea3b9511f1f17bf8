#include "core/capture/census.hpp"

#include <algorithm>
#include <utility>

#include "core/capture/flow_key.hpp"
#include "core/capture/probe_rules.hpp"

namespace netobs::capture {
namespace {

constexpr std::uint64_t looked_at = 1'000'000;
constexpr std::size_t all_ports = 65'536;
constexpr std::size_t latest_flows = 4096;

}  // namespace

void Census::add(const Datagram& datagram) {
  if (datagram.transport == Transport::icmp_echo_request) {
    ++echo_requests_;
    return;
  }
  if (datagram.transport == Transport::icmp_echo_reply) {
    ++echo_replies_;
    return;
  }
  if (++udp_ > looked_at) return;
  if (by_port_.empty()) {
    by_port_.resize(all_ports);
    latest_.resize(latest_flows);
  }
  Port& port = by_port_[std::min(datagram.source.port, datagram.destination.port)];
  ++port.datagrams;
  if (datagram.payload.empty()) return;
  const auto oriented = orient(datagram);
  const auto flow = FlowKeyHash{}(oriented.key);
  Latest& latest = latest_[flow % latest_.size()];
  if (latest.flow != flow) latest = {flow, {}};
  const auto payload = payload_hash(datagram);
  if (latest.payload[1 - oriented.side] == payload) {
    ++port.echoes;
    ++udp_echoes_;
  }
  latest.payload[oriented.side] = payload;
}

std::vector<Census::Port> Census::ports(std::size_t at_most) const {
  std::vector<Port> busy;
  for (std::size_t port = 0; port < by_port_.size(); ++port) {
    if (by_port_[port].datagrams == 0) continue;
    busy.push_back(by_port_[port]);
    busy.back().port = static_cast<std::uint16_t>(port);
  }
  const auto count = std::min(at_most, busy.size());
  std::ranges::partial_sort(busy, busy.begin() + static_cast<std::ptrdiff_t>(count), std::greater{},
                            &Port::datagrams);
  busy.resize(count);
  return busy;
}

}  // namespace netobs::capture
