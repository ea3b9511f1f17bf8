// The programs against packets, run by the kernel without a device (BPF_PROG_TEST_RUN).

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "bpf/abi.h"
#include "bpf/objects.hpp"
#include "bpf/packet.hpp"
#include "linux/bpf/bpf_object.hpp"
#include "linux/timestamp/event_ring.hpp"

namespace netobs::test {
namespace {

using linux_bpf::BpfObject;
using linux_bpf::EventRing;

constexpr std::uint32_t next_program = 0xffffffff;  // TC_ACT_UNSPEC, TCX_NEXT
constexpr std::size_t ethernet_bytes = 14;

struct Run {
  std::uint32_t verdict = 0;
  Bytes packet;
  std::vector<netobs_event> events;
};

/// One loaded program, its ring and the means to feed it.
class Program {
 public:
  static Result<Program> load(std::span<const std::byte> image, std::string_view name,
                              const netobs_config& config) {
    NETOBS_TRY(ring, EventRing::make(64U << 10U));
    const std::array names{name};
    NETOBS_TRY(object, BpfObject::load(image, config, ring.maps(), names, "root"));
    const int fd = object.program_fd(name);
    return Program(std::move(ring), std::move(object), fd);
  }

  /// nullopt when the kernel refuses to make a packet of these bytes.
  std::optional<Run> run(const Bytes& packet, std::uint32_t gso_bytes = 0) {
    Run result;
    result.packet.resize(packet.size());
    __sk_buff context{};
    context.gso_size = gso_bytes;
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = packet.data();
    options.data_size_in = static_cast<std::uint32_t>(packet.size());
    options.data_out = result.packet.data();
    options.data_size_out = static_cast<std::uint32_t>(result.packet.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.repeat = 1;
    if (bpf_prog_test_run_opts(fd_, &options) != 0) {
      EXPECT_EQ(errno, EINVAL) << "packet of " << packet.size() << " bytes";
      return std::nullopt;
    }
    result.verdict = options.retval;
    std::array<netobs_event, 4> events{};
    const std::size_t count = ring_.read(events);
    result.events.assign(events.begin(), events.begin() + static_cast<std::ptrdiff_t>(count));
    return result;
  }
  EventRing& ring() { return ring_; }

 private:
  Program(EventRing ring, BpfObject object, int fd)
      : ring_(std::move(ring)), object_(std::move(object)), fd_(fd) {}
  EventRing ring_;
  BpfObject object_;
  int fd_;
};

netobs_config reflector_config() {
  netobs_config config{};
  config.local_port = 862;
  config.clock = NETOBS_CLOCK_MONOTONIC;
  config.link_header_bytes = ethernet_bytes;
  return config;
}

void set_address(std::uint32_t (&to)[4], const std::array<std::uint8_t, 16>& address) {
  std::memcpy(to, address.data(), address.size());
}

std::array<std::uint8_t, 16> v4(std::uint8_t host) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 18, 0, host};
}
std::array<std::uint8_t, 16> v6(std::uint8_t host) {
  return {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
}

netobs_config sender_config(bool ipv6) {
  netobs_config config = reflector_config();
  config.local_port = 20000;
  config.has_remote = 1;
  config.remote_port = 862;
  set_address(config.remote_address, ipv6 ? v6(2) : v4(2));
  return config;
}

struct Expected {
  std::array<std::uint8_t, 16> peer{};
  std::uint16_t peer_port = 0;
  std::uint32_t sequence = 0x01020304;
  std::uint32_t sender_sequence = 0;
  std::uint16_t ssid = 0x002a;
};

void expect_event(const netobs_event& event, const Expected& expected, netobs_point point) {
  std::array<std::uint8_t, 16> peer{};
  std::memcpy(peer.data(), event.peer_address, peer.size());
  EXPECT_EQ(peer, expected.peer);
  EXPECT_EQ(event.peer_port, expected.peer_port);
  EXPECT_EQ(event.sequence, expected.sequence);
  EXPECT_EQ(event.sender_sequence, expected.sender_sequence);
  EXPECT_EQ(event.ssid, expected.ssid);
  EXPECT_EQ(event.point, point);
  EXPECT_EQ(event.clock, NETOBS_CLOCK_MONOTONIC);
  EXPECT_GT(event.ns, 0U);
}

struct Case {
  std::string name;
  PacketSpec packet;
  std::optional<Expected> expected;
};

void check_case(Program& program, const Case& test, netobs_point point) {
  SCOPED_TRACE(test.name);
  const Bytes packet = build(test.packet);
  const auto run = program.run(packet);
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->verdict, next_program);
  EXPECT_EQ(run->packet, packet);
  ASSERT_EQ(run->events.size(), test.expected ? 1U : 0U);
  if (test.expected) expect_event(run->events[0], *test.expected, point);
}

/// Our reply as it leaves the reflector.
PacketSpec reply() {
  return {};
}

/// The same packet as it enters: a request to the reflector.
PacketSpec request() {
  PacketSpec spec;
  spec.source_port = 20000;
  spec.destination_port = 862;
  return spec;
}

template <class Change>
PacketSpec with(PacketSpec spec, Change change) {
  change(spec);
  return spec;
}

/// What every tc program must take or leave, on top of `base`, which it takes.
std::vector<Case> cases(const PacketSpec& base, const Expected& v4_event,
                        const Expected& v6_event) {
  const auto changed = [&](auto change) { return with(base, change); };
  auto shortest = v4_event;
  shortest.ssid = 0;
  shortest.sender_sequence = 0;
  auto with_ssid = v4_event;
  with_ssid.sender_sequence = 0;
  return {
      {"IPv4", base, v4_event},
      {"IPv4 with 4 bytes of options", changed([](auto& p) { p.option_words = 1; }), v4_event},
      {"IPv4 with 40 bytes of options", changed([](auto& p) { p.option_words = 10; }), v4_event},
      {"IPv4, DF clear", changed([](auto& p) { p.fragment_field = 0; }), v4_event},
      {"IPv6", changed([](auto& p) { p.ipv6 = true; }), v6_event},
      {"VLAN", changed([](auto& p) { p.vlan_types = {0x8100}; }), v4_event},
      {"VLAN, service tag", changed([](auto& p) { p.vlan_types = {0x88a8}; }), v4_event},
      {"QinQ", changed([](auto& p) { p.vlan_types = {0x88a8, 0x8100}; }), v4_event},
      {"QinQ, IPv6", changed([](auto& p) {
         p.vlan_types = {0x88a8, 0x8100};
         p.ipv6 = true;
       }),
       v6_event},
      {"three tags", changed([](auto& p) { p.vlan_types = {0x88a8, 0x8100, 0x8100}; }), {}},
      {"payload of 14", changed([](auto& p) { p.payload_bytes = 14; }), shortest},
      {"payload of 15", changed([](auto& p) { p.payload_bytes = 15; }), shortest},
      {"payload of 16", changed([](auto& p) { p.payload_bytes = 16; }), with_ssid},
      {"payload of 27", changed([](auto& p) { p.payload_bytes = 27; }), with_ssid},
      {"payload of 28", changed([](auto& p) { p.payload_bytes = 28; }), v4_event},
      {"payload of 13", changed([](auto& p) { p.payload_bytes = 13; }), {}},
      {"payload of 0", changed([](auto& p) { p.payload_bytes = 0; }), {}},
      {"first fragment", changed([](auto& p) { p.fragment_field = 0x2000; }), {}},
      {"later fragment", changed([](auto& p) { p.fragment_field = 0x2001; }), {}},
      {"last fragment", changed([](auto& p) { p.fragment_field = 0x0001; }), {}},
      {"TCP", changed([](auto& p) { p.protocol = 6; }), {}},
      {"ICMP", changed([](auto& p) { p.protocol = 1; }), {}},
      {"ICMPv6",
       changed([](auto& p) {
         p.ipv6 = true;
         p.protocol = 58;
       }),
       {}},
      {"IPv6 hop-by-hop options",
       changed([](auto& p) {
         p.ipv6 = true;
         p.ipv6_hop_by_hop = true;
       }),
       {}},
      {"IPv6 fragment",
       changed([](auto& p) {
         p.ipv6 = true;
         p.protocol = 44;
       }),
       {}},
      {"the ports the other way round",
       changed([](auto& p) { std::swap(p.source_port, p.destination_port); }),
       {}},
      {"other ports",
       changed([](auto& p) {
         p.source_port = 863;
         p.destination_port = 861;
       }),
       {}},
  };
}

#define LOAD_OR_SKIP(name, ...)                                            \
  auto name##_or_error = Program::load(__VA_ARGS__);                       \
  if (!name##_or_error) GTEST_SKIP() << name##_or_error.error().message(); \
  Program& name = *name##_or_error

TEST(TcPrograms, ReflectorEgress) {
  LOAD_OR_SKIP(program, bpf::tc_object(), "tc_egress", reflector_config());
  const Expected v4_event{v4(2), 20000, 0x01020304, 0x05060708, 0x002a};
  const Expected v6_event{v6(2), 20000, 0x01020304, 0x05060708, 0x002a};
  for (const auto& test : cases(reply(), v4_event, v6_event)) {
    check_case(program, test, NETOBS_TC_EGRESS);
  }
}

TEST(TcPrograms, ReflectorIngressLeavesTheSenderSequenceOfRequestsAlone) {
  LOAD_OR_SKIP(program, bpf::tc_object(), "tc_ingress", reflector_config());
  const Expected v4_event{v4(1), 20000, 0x01020304, 0, 0x002a};
  const Expected v6_event{v6(1), 20000, 0x01020304, 0, 0x002a};
  for (const auto& test : cases(request(), v4_event, v6_event)) {
    check_case(program, test, NETOBS_TC_INGRESS);
  }
}

TEST(TcPrograms, SenderTakesOnlyItsPeer) {
  LOAD_OR_SKIP(egress, bpf::tc_object(), "tc_egress", sender_config(false));
  const Expected sent{v4(2), 862, 0x01020304, 0, 0x002a};
  check_case(egress, {"request", request(), sent}, NETOBS_TC_EGRESS);
  check_case(egress,
             {"other address", with(request(), [](auto& p) { p.destination_host = 3; }), {}},
             NETOBS_TC_EGRESS);
  check_case(egress, {"other port", with(request(), [](auto& p) { p.destination_port = 863; }), {}},
             NETOBS_TC_EGRESS);
  check_case(egress, {"IPv6", with(request(), [](auto& p) { p.ipv6 = true; }), {}},
             NETOBS_TC_EGRESS);

  const auto answer = with(reply(), [](auto& p) { std::swap(p.source_host, p.destination_host); });
  LOAD_OR_SKIP(ingress, bpf::tc_object(), "tc_ingress", sender_config(false));
  const Expected received{v4(2), 862, 0x01020304, 0x05060708, 0x002a};
  check_case(ingress, {"reply", answer, received}, NETOBS_TC_INGRESS);
  check_case(ingress, {"other address", with(answer, [](auto& p) { p.source_host = 3; }), {}},
             NETOBS_TC_INGRESS);

  LOAD_OR_SKIP(over_ipv6, bpf::tc_object(), "tc_ingress", sender_config(true));
  const Expected received_v6{v6(2), 862, 0x01020304, 0x05060708, 0x002a};
  check_case(over_ipv6, {"IPv6 reply", with(answer, [](auto& p) { p.ipv6 = true; }), received_v6},
             NETOBS_TC_INGRESS);
  check_case(over_ipv6, {"IPv4 reply", answer, {}}, NETOBS_TC_INGRESS);
}

TEST(TcPrograms, AuthenticatedLayout) {
  auto config = reflector_config();
  config.authenticated = 1;
  LOAD_OR_SKIP(program, bpf::tc_object(), "tc_egress", config);
  const Expected whole{v4(2), 20000, 0x01020304, 0x090a0b0c, 0x0708};
  check_case(program, {"112 bytes", reply(), whole}, NETOBS_TC_EGRESS);
  check_case(program, {"52 bytes", with(reply(), [](auto& p) { p.payload_bytes = 52; }), whole},
             NETOBS_TC_EGRESS);
  const Expected no_sender{v4(2), 20000, 0x01020304, 0, 0x0708};
  check_case(program, {"51 bytes", with(reply(), [](auto& p) { p.payload_bytes = 51; }), no_sender},
             NETOBS_TC_EGRESS);
  const Expected no_ssid{v4(2), 20000, 0x01020304, 0, 0};
  check_case(program, {"27 bytes", with(reply(), [](auto& p) { p.payload_bytes = 27; }), no_ssid},
             NETOBS_TC_EGRESS);
}

// Headers promise more than there is: never an event, never a changed byte.
TEST(TcPrograms, TruncatedAtEveryLength) {
  for (const bool ipv6 : {false, true}) {
    LOAD_OR_SKIP(program, bpf::tc_object(), "tc_egress", reflector_config());
    const Bytes whole = build(with(reply(), [&](auto& p) { p.ipv6 = ipv6; }));
    std::size_t accepted = 0;
    for (std::size_t length = ethernet_bytes; length < whole.size(); ++length) {
      const Bytes packet(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      const auto run = program.run(packet);
      if (!run) continue;
      ++accepted;
      EXPECT_EQ(run->events.size(), 0U) << "length " << length;
      EXPECT_EQ(run->verdict, next_program);
      EXPECT_EQ(run->packet, packet);
    }
    EXPECT_GT(accepted, 100U);
    EXPECT_EQ(program.run(whole)->events.size(), 1U);
  }
}

TEST(TcPrograms, BrokenHeaders) {
  LOAD_OR_SKIP(program, bpf::tc_object(), "tc_egress", reflector_config());
  struct Broken {
    const char* name;
    std::size_t offset;
    std::uint8_t value;
  };
  constexpr std::array broken{
      Broken{"IP version 5", 14, 0x55},      Broken{"header of 4 words", 14, 0x44},
      Broken{"UDP length below 8", 39, 7},   Broken{"UDP length beyond the end", 38, 1},
      Broken{"ethertype of nothing", 12, 9},
  };
  for (const auto& test : broken) {
    Bytes packet = build(reply());
    packet[test.offset] = test.value;
    const auto run = program.run(packet);
    ASSERT_TRUE(run.has_value()) << test.name;
    EXPECT_EQ(run->events.size(), 0U) << test.name;
    EXPECT_EQ(run->packet, packet) << test.name;
  }
}

TEST(TcPrograms, MergedPacketsAreCountedAndNotRecorded) {
  LOAD_OR_SKIP(program, bpf::tc_object(), "tc_ingress", reflector_config());
  const auto ours = program.run(build(request()), 44);
  ASSERT_TRUE(ours.has_value());
  EXPECT_EQ(ours->events.size(), 0U);
  EXPECT_EQ(ours->verdict, next_program);
  EXPECT_EQ(program.ring().merged(NETOBS_TC_INGRESS), 1U);
  EXPECT_EQ(program.ring().merged(NETOBS_TC_EGRESS), 0U);
  const auto foreign = program.run(build(reply()), 44);
  ASSERT_TRUE(foreign.has_value());
  EXPECT_EQ(program.ring().merged(NETOBS_TC_INGRESS), 1U);
}

// Here the kernel starts the socket filter at the network header instead of at UDP's, so the
// address is read from where the payload is: octets 4 to 7 of it.
TEST(SocketProgram, KeepsEveryPacketWhole) {
  LOAD_OR_SKIP(program, bpf::socket_object(), "socket_delivery", reflector_config());
  Bytes whole(ethernet_bytes, 0);
  whole[12] = 0x08;
  const Bytes udp{0x4e, 0x20, 0x03, 0x5e, 0x00, 0x78, 0x00, 0x00};  // 20000 to 862, 120 bytes
  whole.insert(whole.end(), udp.begin(), udp.end());
  Bytes payload = probe_payload(112);
  payload[4] = 198;
  payload[5] = 18;
  payload[7] = 9;
  whole.insert(whole.end(), payload.begin(), payload.end());

  for (std::size_t length = ethernet_bytes + 8; length <= whole.size(); ++length) {
    const Bytes packet(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    const auto run = program.run(packet);
    if (!run) continue;
    SCOPED_TRACE(length);
    EXPECT_EQ(run->verdict, length - ethernet_bytes);
    const std::size_t payload_bytes = length - ethernet_bytes - 8;
    ASSERT_EQ(run->events.size(), payload_bytes >= 14 ? 1U : 0U);
    if (payload_bytes < 14) continue;
    const std::uint16_t ssid = payload_bytes >= 16 ? 0x002a : 0;
    expect_event(run->events[0], {v4(9), 20000, 0x01020304, 0, ssid}, NETOBS_SOCKET_DELIVERY);
  }
}

TEST(SocketProgram, OtherPortIsDeliveredAndNotRecorded) {
  auto config = reflector_config();
  config.local_port = 863;
  LOAD_OR_SKIP(program, bpf::socket_object(), "socket_delivery", config);
  Bytes packet(ethernet_bytes + 8 + 112, 0);
  packet[12] = 0x08;
  packet[16] = 0x03;
  packet[17] = 0x5e;
  const auto run = program.run(packet);
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->verdict, 120U);
  EXPECT_EQ(run->events.size(), 0U);
}

}  // namespace
}  // namespace netobs::test
