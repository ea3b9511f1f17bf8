#include "bpf/packet.hpp"

#include <initializer_list>

namespace netobs::test {
namespace {

void put16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8U & 0xffU));
  out.push_back(static_cast<std::uint8_t>(value & 0xffU));
}

void put(Bytes& out, std::initializer_list<std::uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void put_ethernet(Bytes& out, const PacketSpec& spec) {
  put(out, {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1});
  for (const auto type : spec.vlan_types) {
    put16(out, type);
    put16(out, 7);  // the tag: VLAN 7
  }
  put16(out, spec.ipv6 ? 0x86dd : 0x0800);
}

void write_checksum(Bytes& bytes, std::size_t start, std::size_t end) {
  bytes[start + 10] = 0;
  bytes[start + 11] = 0;
  std::size_t sum = 0;
  for (std::size_t i = start; i + 1 < end; i += 2) {
    sum += static_cast<std::size_t>(bytes[i]) << 8U | bytes[i + 1];
  }
  while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
  bytes[start + 10] = static_cast<std::uint8_t>((0xffff - sum) >> 8U);
  bytes[start + 11] = static_cast<std::uint8_t>((0xffff - sum) & 0xffU);
}

void put_ipv4(Bytes& out, const PacketSpec& spec, std::size_t body_bytes) {
  const std::size_t start = out.size();
  const std::size_t words = 5 + spec.option_words;
  put(out, {static_cast<std::uint8_t>(0x40 + words), 0});
  put16(out, words * 4 + body_bytes);
  put16(out, 1);
  put16(out, spec.fragment_field);
  put(out, {64, spec.protocol, 0, 0});
  put(out, {198, 18, 0, spec.source_host});
  put(out, {198, 18, 0, spec.destination_host});
  for (std::size_t i = 0; i < spec.option_words; ++i) put(out, {1, 1, 1, 1});  // no-operation
  write_checksum(out, start, out.size());
}

void put_ipv6(Bytes& out, const PacketSpec& spec, std::size_t body_bytes) {
  put(out, {0x60, 0, 0, 0});
  put16(out, body_bytes + (spec.ipv6_hop_by_hop ? 8 : 0));
  put(out, {spec.ipv6_hop_by_hop ? std::uint8_t{0} : spec.protocol, 64});
  put(out, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, spec.source_host});
  put(out, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, spec.destination_host});
  if (spec.ipv6_hop_by_hop) put(out, {spec.protocol, 0, 1, 4, 0, 0, 0, 0});
}

}  // namespace

Bytes probe_payload(std::size_t bytes) {
  Bytes payload{1, 2, 3, 4};
  payload.resize(14);
  put(payload, {0, 0x2a});
  payload.resize(24);
  put(payload, {5, 6, 7, 8});
  payload.resize(48);
  put(payload, {9, 10, 11, 12});
  payload.resize(bytes);
  return payload;
}

void fix_ipv4_checksum(Bytes& packet) {
  write_checksum(packet, 0, 20);
}

Bytes build(const PacketSpec& spec) {
  Bytes out;
  const std::size_t udp_bytes = 8 + spec.payload_bytes;
  if (spec.ethernet) put_ethernet(out, spec);
  if (spec.ipv6) {
    put_ipv6(out, spec, udp_bytes);
  } else {
    put_ipv4(out, spec, udp_bytes);
  }
  put16(out, spec.source_port);
  put16(out, spec.destination_port);
  put16(out, udp_bytes);
  put16(out, 0);  // no checksum
  const Bytes payload = probe_payload(spec.payload_bytes);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

}  // namespace netobs::test
