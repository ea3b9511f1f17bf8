#pragma once
// The programs of the XDP hook against packets, run by the kernel without a device
// (BPF_PROG_TEST_RUN).

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf/packet.hpp"
#include "core/base/endpoint.hpp"
#include "core/base/mac_address.hpp"

namespace netobs::test::xdp {

inline constexpr MacAddress our_mac{2, 0, 0, 0, 0, 2};
inline constexpr std::size_t ethernet_bytes = 14;

inline Endpoint v4(std::uint8_t host, std::uint16_t port = 0) {
  return Endpoint::v4({198, 18, 0, host}, port);
}
inline Endpoint v6(std::uint8_t host, std::uint16_t port = 0) {
  Endpoint endpoint;
  endpoint.address = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
  endpoint.port = port;
  return endpoint;
}

struct Outcome {
  std::uint32_t verdict = 0;
  Bytes packet;
};

/// nullopt when the kernel refuses to make a packet of these bytes.
inline std::optional<Outcome> run(int program_fd, const Bytes& packet) {
  Outcome outcome;
  outcome.packet.resize(packet.size() + 256);
  bpf_test_run_opts options{};
  options.sz = sizeof(options);
  options.data_in = packet.data();
  options.data_size_in = static_cast<std::uint32_t>(packet.size());
  options.data_out = outcome.packet.data();
  options.data_size_out = static_cast<std::uint32_t>(outcome.packet.size());
  options.repeat = 1;
  if (bpf_prog_test_run_opts(program_fd, &options) != 0) {
    EXPECT_EQ(errno, EINVAL) << "packet of " << packet.size() << " bytes";
    return std::nullopt;
  }
  outcome.verdict = options.retval;
  outcome.packet.resize(options.data_size_out);
  return outcome;
}

inline PacketSpec with(PacketSpec spec, auto change) {
  change(spec);
  return spec;
}

struct Case {
  std::string name;
  Bytes packet;
  bool ours = false;
};

/// Around a datagram from 198.18.0.1 port 862 to our port 20000 on 198.18.0.2; tags are of VLAN 7.
inline std::vector<Case> cases() {
  const PacketSpec base;
  const auto changed = [&](auto change) { return build(with(base, change)); };
  const auto edited = [&](std::size_t offset, std::uint8_t value) {
    Bytes packet = build(base);
    packet[offset] = value;
    return packet;
  };
  const auto v6_changed = [&](auto change) {
    return build(with(with(base, [](auto& p) { p.ipv6 = true; }), change));
  };
  const auto v6_edited = [&](std::size_t offset, const Bytes& bytes) {
    Bytes packet = v6_changed([](auto&) {});
    std::ranges::copy(bytes, packet.begin() + static_cast<std::ptrdiff_t>(offset));
    return packet;
  };
  const Bytes mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0};
  auto padded = build(base);
  padded.resize(padded.size() + 6);
  return {
      {"IPv4", build(base), true},
      {"IPv6", v6_changed([](auto&) {}), true},
      {"Ethernet padding", padded, true},
      {"40 bytes of options", changed([](auto& p) { p.option_words = 10; }), true},
      {"empty payload", changed([](auto& p) { p.payload_bytes = 0; }), true},
      {"another VLAN", changed([](auto& p) { p.vlan_types = {0x8100}; })},
      {"two tags", changed([](auto& p) { p.vlan_types = {0x88a8, 0x8100}; })},
      {"three tags", changed([](auto& p) { p.vlan_types = {0x88a8, 0x8100, 0x8100}; })},
      {"first fragment", changed([](auto& p) { p.fragment_field = 0x2000; })},
      {"later fragment", changed([](auto& p) { p.fragment_field = 0x2001; })},
      {"last fragment", changed([](auto& p) { p.fragment_field = 0x0001; })},
      {"TCP", changed([](auto& p) { p.protocol = 6; })},
      {"ICMP", changed([](auto& p) { p.protocol = 1; })},
      {"hop-by-hop options", v6_changed([](auto& p) { p.ipv6_hop_by_hop = true; })},
      {"IPv6 fragment", v6_changed([](auto& p) { p.protocol = 44; })},
      {"ICMPv6", v6_changed([](auto& p) { p.protocol = 58; })},
      {"another port", changed([](auto& p) { p.destination_port = 20001; })},
      {"another address of IPv4", changed([](auto& p) { p.destination_host = 9; })},
      {"another address of IPv6", v6_changed([](auto& p) { p.destination_host = 9; })},
      {"another MAC", edited(5, 3)},
      {"broadcast MAC", edited(0, 0xff)},
      {"MAC of a group as the sender's", edited(6, 3)},
      {"from nobody", edited(26, 0)},
      {"from a group", edited(26, 224)},
      {"from everybody", edited(26, 255)},
      {"from nobody in IPv6", v6_edited(22, Bytes(16, 0))},
      {"from a group in IPv6", v6_edited(22, {0xff, 0x02})},
      {"from an IPv4-mapped address", v6_edited(22, mapped)},
      {"to an IPv4-mapped address", v6_edited(38, mapped)},
      {"ethertype of nothing", edited(12, 9)},
      {"IP version 5", edited(14, 0x55)},
      {"header of 4 words", edited(14, 0x44)},
      {"header beyond the packet", edited(14, 0x4f)},
      {"IP length beyond the end", edited(16, 2)},
      {"IP length below its header", edited(17, 12)},
      {"UDP length below 8", edited(39, 7)},
      {"UDP length beyond the end", edited(38, 1)},
      {"UDP length below that of IP", edited(39, 100)},
  };
}

/// Loads, or skips where the user may not. A program that the verifier refuses is a failure.
#define LOAD_OR_SKIP(type, name, options)                                        \
  auto name##_or_error = type::load(options);                                    \
  if (!name##_or_error && name##_or_error.error().sys_errno == EPERM)            \
    GTEST_SKIP() << name##_or_error.error().message();                           \
  ASSERT_TRUE(name##_or_error.has_value()) << name##_or_error.error().message(); \
  auto& name = *name##_or_error

}  // namespace netobs::test::xdp
