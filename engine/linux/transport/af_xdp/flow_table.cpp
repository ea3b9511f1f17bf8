#include "linux/transport/af_xdp/flow_table.hpp"

#include <algorithm>
#include <cerrno>

namespace netobs {
namespace {

constexpr std::size_t udp_header_bytes = 8;
constexpr std::size_t v4_header_bytes = 20;
constexpr std::size_t v6_header_bytes = 40;

std::size_t longest_payload(bool v4, std::uint32_t mtu_bytes) {
  const std::size_t headers = udp_header_bytes + (v4 ? v4_header_bytes : v6_header_bytes);
  return mtu_bytes > headers ? mtu_bytes - headers : 0;
}

}  // namespace

FlowTable::Entry& FlowTable::place(const Endpoint& peer, const Endpoint& local) {
  const EndpointHash hash;
  return entries_[(hash(peer) ^ (hash(local) * 31)) % capacity];
}

Flow FlowTable::make_flow(const Endpoint& source, const Endpoint& peer, const MacAddress& next_hop,
                          std::uint32_t mtu_bytes) const {
  wire::UdpFlow flow;
  flow.source_mac = link_.mac;
  flow.destination_mac = next_hop;
  flow.vlan = link_.vlan;
  flow.source = source;
  flow.source.port = link_.port;
  flow.destination = peer;
  flow.dscp = link_.dscp;
  return {wire::FrameHeader(flow), longest_payload(peer.is_v4(), mtu_bytes)};
}

bool FlowTable::resolve(Entry& entry, Duration limit) {
  const auto path = os::find_link_path(
      netlink_,
      {.remote = entry.peer, .source = entry.local, .interface = link_.interface, .limit = limit});
  if (!path) {
    error_ = path.error().sys_errno != 0 ? path.error().sys_errno : EHOSTUNREACH;
    return false;
  }
  if (path->source.is_v4() != entry.peer.is_v4()) {
    error_ = EADDRNOTAVAIL;
    return false;
  }
  entry.flow = make_flow(path->source, entry.peer, path->next_hop_mac,
                         std::min(path->mtu_bytes, link_.mtu_bytes));
  entry.generation = generation_;
  return true;
}

const Flow* FlowTable::find(const Endpoint& peer, const Endpoint& local, Duration limit) {
  Entry& entry = place(peer, local);
  if (entry.flow && entry.peer == peer && entry.local == local) return &*entry.flow;
  Entry made{.peer = peer, .local = local, .generation = 0, .flow = {}};
  if (!resolve(made, limit)) return nullptr;
  entry = std::move(made);
  return &*entry.flow;
}

void FlowTable::hear(const Endpoint& peer, const Endpoint& local, const MacAddress& source_mac,
                     MonotonicTime now) {
  Entry& entry = place(peer, local);
  if (entry.flow && entry.peer == peer && entry.local == local) return;
  if (now - lookups_renewed_ >= interval) {
    lookups_renewed_ = now;
    lookups_left_ = lookups_per_interval;
  }
  Entry made{.peer = peer, .local = local, .generation = 0, .flow = {}};
  // A flood of strange sources costs table places, not a lookup each.
  const bool ask = lookups_left_ > 0;
  if (ask) --lookups_left_;
  if (!ask || !resolve(made, Duration::zero())) {
    made.flow = make_flow(local, peer, source_mac, link_.mtu_bytes);
  }
  entry = std::move(made);
}

bool FlowTable::refresh() {
  if (refreshing_ != generation_) {
    refreshing_ = generation_;
    refreshed_ = 0;
  }
  constexpr unsigned at_once = 4;
  for (unsigned looked_up = 0; refreshed_ < entries_.size(); ++refreshed_) {
    Entry& entry = entries_[refreshed_];
    if (!entry.flow || entry.generation == generation_) continue;
    if (looked_up++ == at_once) return true;
    if (!resolve(entry, Duration::zero())) entry.generation = generation_;
  }
  return false;
}

}  // namespace netobs
