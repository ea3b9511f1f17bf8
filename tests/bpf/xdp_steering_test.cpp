// Which frames the steering program takes, and that it leaves every other one alone.

#include "linux/bpf/xdp_steering.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "bpf/abi.h"
#include "bpf/xdp_run.hpp"

namespace netobs::test::xdp {
namespace {

linux_bpf::SteeringOptions steering_options() {
  linux_bpf::SteeringOptions options;
  options.local_addresses = {v4(2), v6(2)};
  options.local_port = 20000;
  options.mac = our_mac;
  return options;
}

/// Without a socket in the map what is ours passes to the stack, but is counted.
bool taken(const linux_bpf::Steering& steering, const Bytes& packet) {
  const auto before = steering.counters();
  const auto outcome = run(steering.program_fd(), packet);
  if (!outcome) return false;
  EXPECT_EQ(outcome->verdict, XDP_PASS);
  const auto after = steering.counters();
  EXPECT_EQ(after.steered, before.steered);
  const bool ours = after.no_socket != before.no_socket;
  // The time stands in front of what is handed over; nothing in the frame is changed.
  const std::size_t front = ours ? sizeof(netobs_xdp_metadata) : 0;
  EXPECT_EQ(outcome->packet.size(), packet.size() + front);
  const auto frame = outcome->packet.begin() + static_cast<std::ptrdiff_t>(front);
  EXPECT_TRUE(std::equal(frame, outcome->packet.end(), packet.begin(), packet.end()));
  if (ours) {
    netobs_xdp_metadata metadata{};
    std::memcpy(&metadata, outcome->packet.data(), sizeof metadata);
    EXPECT_EQ(metadata.magic, NETOBS_XDP_MAGIC);
    EXPECT_GT(metadata.ns, 0U);
    EXPECT_EQ(metadata.hardware_ns, 0U);
  }
  return ours;
}

TEST(XdpSteering, TakesOurDatagramsAndPassesEverythingElse) {
  LOAD_OR_SKIP(linux_bpf::Steering, steering, steering_options());
  for (const auto& test : cases()) {
    EXPECT_EQ(taken(steering, test.packet), test.ours) << test.name;
  }
}

TEST(XdpSteering, TruncatedAtEveryLength) {
  LOAD_OR_SKIP(linux_bpf::Steering, steering, steering_options());
  for (const bool ipv6 : {false, true}) {
    const Bytes whole = build(with({}, [&](auto& p) { p.ipv6 = ipv6; }));
    for (std::size_t size = ethernet_bytes; size < whole.size(); ++size) {
      const Bytes packet(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(taken(steering, packet)) << size;
    }
    EXPECT_TRUE(taken(steering, whole));
  }
}

TEST(XdpSteering, OurVlanWithItsTagOrWithout) {
  auto options = steering_options();
  options.vlan_id = 7;
  LOAD_OR_SKIP(linux_bpf::Steering, steering, options);
  const auto tagged = [](std::vector<std::uint16_t> types) {
    return build(with({}, [&](auto& p) { p.vlan_types = std::move(types); }));
  };
  EXPECT_TRUE(taken(steering, tagged({0x8100})));
  EXPECT_TRUE(taken(steering, tagged({0x88a8})));
  EXPECT_TRUE(taken(steering, tagged({})));  // the NIC has taken it off
  EXPECT_FALSE(taken(steering, tagged({0x8100, 0x8100})));
  Bytes other = tagged({0x8100});
  other[15] = 8;
  EXPECT_FALSE(taken(steering, other));
}

TEST(XdpSteering, APriorityTagIsNoVlan) {
  LOAD_OR_SKIP(linux_bpf::Steering, steering, steering_options());
  Bytes packet = build(with({}, [](auto& p) { p.vlan_types = {0x8100}; }));
  packet[14] = 0xa0;  // priority 5
  packet[15] = 0;
  EXPECT_TRUE(taken(steering, packet));
}

TEST(XdpSteering, OnlyTheOnePeer) {
  auto options = steering_options();
  options.remote = v4(1, 862);
  LOAD_OR_SKIP(linux_bpf::Steering, steering, options);
  EXPECT_TRUE(taken(steering, build({})));
  EXPECT_FALSE(taken(steering, build(with({}, [](auto& p) { p.source_host = 3; }))));
  EXPECT_FALSE(taken(steering, build(with({}, [](auto& p) { p.source_port = 863; }))));
  EXPECT_FALSE(taken(steering, build(with({}, [](auto& p) { p.ipv6 = true; }))));
}

}  // namespace
}  // namespace netobs::test::xdp
