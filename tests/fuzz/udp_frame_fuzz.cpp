// Ethernet frames: one that parses is built again, from its fields, to one that parses to the same.

#include <algorithm>
#include <vector>

#include "core/wire/udp_frame.hpp"
#include "fuzz/fuzz.hpp"

using namespace netobs;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto frame = fuzz::input(data, size);
  const auto parsed = wire::parse_udp_frame(frame);
  if (!parsed) return 0;
  wire::UdpFlow flow;
  flow.source_mac = parsed->source_mac;
  flow.destination_mac = parsed->destination_mac;
  flow.vlan = parsed->vlan;
  flow.source = parsed->source;
  flow.destination = parsed->destination;
  flow.ttl = parsed->ttl;
  const wire::FrameHeader header(flow);
  std::vector<std::byte> again(header.size() + parsed->payload.size());
  std::ranges::copy(parsed->payload, again.begin() + static_cast<std::ptrdiff_t>(header.size()));
  header.write(again);
  const auto second = wire::parse_udp_frame(again);
  NETOBS_CHECK(second && second->source == parsed->source &&
                   second->destination == parsed->destination && second->ttl == parsed->ttl &&
                   second->vlan == parsed->vlan &&
                   second->checksum == wire::UdpChecksum::verified &&
                   std::ranges::equal(second->payload, parsed->payload),
               "frame of {} octets", size);
  return 0;
}
