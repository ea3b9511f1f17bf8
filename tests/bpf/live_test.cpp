// The hooks on real traffic between two namespaces.

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "bpf/lab.hpp"
#include "linux/os/clock.hpp"
#include "linux/timestamp/tcx_link.hpp"

namespace netobs::test {
namespace {

class LiveHooks : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = reason_to_skip()) GTEST_SKIP() << *reason;
    auto lab = lab::VethLab::create();
    ASSERT_TRUE(lab.has_value()) << lab.error().message();
    lab_.emplace(std::move(*lab));
  }
  [[nodiscard]] os::NamespaceScope at_sender() const {
    return std::move(*os::NamespaceScope::enter(lab_->sender_side()));
  }
  [[nodiscard]] os::NamespaceScope at_reflector() const {
    return std::move(*os::NamespaceScope::enter(lab_->reflector_side()));
  }
  static Endpoint reflector() { return Endpoint::v4({198, 18, 0, 2}, reflector_port); }
  static Endpoint sender() { return Endpoint::v4({198, 18, 0, 1}, sender_port); }

  void expect_thousand_probes_at_every_point(HookFeatures features, std::int64_t slack_ns);

  std::optional<lab::VethLab> lab_;
};

/// UDP copies a packet that is in one piece without passing skb_copy_datagram_iovec
/// (net/ipv4/udp.c, copy_linear_skb), and veth hands small packets over in one piece.
constexpr PointSet points_of_whole_packets = [] {
  PointSet set = bpf_points;
  set.remove(Point::skb_copy_datagram_iovec);
  return set;
}();

constexpr std::uint32_t probes = 1000;
constexpr std::uint32_t reply_base = 5000;  // the reflector counts on its own
constexpr std::uint32_t batch = 50;

/// Times by (sequence of the request, point), after every event has been checked for its key.
using Times = std::map<std::pair<std::uint32_t, Point>, std::int64_t>;

Times check_keys(const std::vector<HookEvent>& events, const Endpoint& peer,
                 Direction reply_direction) {
  Times times;
  for (const auto& event : events) {
    EXPECT_EQ(event.peer, peer) << event.peer.text();
    EXPECT_EQ(event.ssid, 0x2a);
    const bool is_reply = info(event.point).direction == reply_direction;
    const std::uint32_t request = is_reply ? event.sender_sequence : event.sequence;
    EXPECT_EQ(event.sequence, is_reply ? request + reply_base : request);
    EXPECT_EQ(event.sender_sequence, is_reply ? request : 0U);
    EXPECT_TRUE(times.emplace(std::pair(request, event.point), event.ns).second)
        << name(event.point) << " twice for " << request;
  }
  return times;
}

void LiveHooks::expect_thousand_probes_at_every_point(HookFeatures features,
                                                      std::int64_t slack_ns) {
  Side near;
  Side far;
  {
    const auto scope = at_reflector();
    far = start_side("vb0", reflector_port, std::nullopt, points_of_whole_packets, features);
  }
  const auto scope = at_sender();
  near = start_side("va0", sender_port, reflector(), points_of_whole_packets, features);
  ASSERT_NE(near.hooks, nullptr);
  ASSERT_NE(far.hooks, nullptr);
  EXPECT_EQ(near.hooks->points_enabled(), points_of_whole_packets);

  const std::int64_t before_ns = os::realtime_now().ns;
  for (std::uint32_t first = 0; first < probes; first += batch) {
    for (std::uint32_t i = first; i < first + batch; ++i) {
      send_to(near.socket, reflector(), numbered_payload(i, 0));
    }
    {
      const auto there = at_reflector();
      for (std::uint32_t i = first; i < first + batch; ++i) {
        receive(far.socket);
        send_to(far.socket, sender(), numbered_payload(reply_base + i, i));
      }
    }
    for (std::uint32_t i = 0; i < batch; ++i) receive(near.socket);
  }
  const std::int64_t after_ns = os::realtime_now().ns;

  const Times at_near = check_keys(drain(*near.hooks), reflector(), Direction::rx);
  const Times at_far = check_keys(drain(*far.hooks), sender(), Direction::tx);
  EXPECT_EQ(at_near.size(), 4U * probes);
  EXPECT_EQ(at_far.size(), 4U * probes);
  const std::array path{
      std::pair(&at_near, Point::tc_egress),  std::pair(&at_near, Point::net_dev_start_xmit),
      std::pair(&at_far, Point::tc_ingress),  std::pair(&at_far, Point::socket_delivery),
      std::pair(&at_far, Point::tc_egress),   std::pair(&at_far, Point::net_dev_start_xmit),
      std::pair(&at_near, Point::tc_ingress), std::pair(&at_near, Point::socket_delivery),
  };
  for (std::uint32_t i = 0; i < probes; ++i) {
    std::int64_t earlier_ns = before_ns;
    for (const auto& [times, point] : path) {
      const auto at = times->find({i, point});
      ASSERT_NE(at, times->end()) << name(point) << " of probe " << i;
      EXPECT_LE(earlier_ns, at->second + slack_ns) << name(point) << " of probe " << i;
      earlier_ns = at->second;
    }
    EXPECT_LE(earlier_ns, after_ns + slack_ns);
  }
  for (const auto& row : point_table) {
    EXPECT_EQ(near.hooks->dropped(row.point), 0U);
    EXPECT_EQ(near.hooks->merged(row.point), 0U);
    EXPECT_EQ(near.hooks->unreadable(row.point), 0U);
  }
}

TEST_F(LiveHooks, EveryPointOfAThousandProbes) {
  expect_thousand_probes_at_every_point({}, 0);
}

TEST_F(LiveHooks, EveryPointOfAThousandProbesByClsact) {
  expect_thousand_probes_at_every_point({.tcx = false, .tai_clock = true, .btf = true}, 0);
}

// Each side measures its conversion by itself, and again every 100 ms: what is asked for is that no
// conversion is wrong by more than a scheduling accident, not that two agree to the nanosecond.
TEST_F(LiveHooks, EveryPointOfAThousandProbesByMonotonicClock) {
  expect_thousand_probes_at_every_point({.tcx = true, .tai_clock = false, .btf = true}, 1'000'000);
}

TEST_F(LiveHooks, Ipv6) {
  const auto scope = at_sender();
  Endpoint far;
  far.address = {0xfd, 0, 0x6e, 0x6f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  far.port = reflector_port;
  PointSet transmit;
  transmit.add(Point::tc_egress);
  transmit.add(Point::net_dev_start_xmit);
  const Side side = start_side("va0", sender_port, far, transmit);
  {
    const auto there = at_reflector();
    Side reflecting;
    reflecting.socket = udp_socket(reflector_port, true);
    const auto back = at_sender();
    send_to(side.socket, far, numbered_payload(7, 0));
    EXPECT_EQ(receive(reflecting.socket), 44U);
  }
  const auto events = drain(*side.hooks);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].peer, far);
  EXPECT_EQ(events[1].peer, far);
  EXPECT_EQ(events[0].sequence, 7U);
  EXPECT_EQ(events[0].point, Point::tc_egress);
  EXPECT_EQ(events[1].point, Point::net_dev_start_xmit);
}

// On receive the kernel moves the outer tag out of the frame; on transmit both are still in it.
TEST_F(LiveHooks, TaggedFrames) {
  PointSet wanted = points_of(Layer::tc);
  wanted.add(Point::net_dev_start_xmit);
  Side far;
  {
    const auto scope = at_reflector();
    far = start_side("vb0", reflector_port, std::nullopt, wanted);
  }
  const auto scope = at_sender();
  const Side near = start_side("va0", sender_port, reflector(), wanted);
  for (const auto& tags : {std::vector<std::uint16_t>{0x8100}, {0x88a8, 0x8100}}) {
    PacketSpec spec;
    spec.vlan_types = tags;
    spec.source_port = sender_port;
    spec.destination_port = reflector_port;
    send_frame("va0", build(spec));
    const auto sent = drain(*near.hooks);
    ASSERT_EQ(sent.size(), 2U) << tags.size() << " tags";
    EXPECT_EQ(sent[0].point, Point::tc_egress);
    EXPECT_EQ(sent[1].point, Point::net_dev_start_xmit);
    const auto received = drain(*far.hooks);
    ASSERT_EQ(received.size(), 1U) << tags.size() << " tags";
    EXPECT_EQ(received[0].point, Point::tc_ingress);
    EXPECT_EQ(received[0].sequence, 0x01020304U);
    EXPECT_EQ(received[0].peer, sender());
  }
}

// A tun device has no link-layer header: packets begin with IP.
TEST_F(LiveHooks, DeviceWithoutLinkHeader) {
  const auto scope = at_sender();
  const os::Fd tun = open_tun("tun0");
  run({"ip", "addr", "add", "198.18.4.1/30", "dev", "tun0"});
  run({"ip", "link", "set", "tun0", "up"});
  const auto peer = Endpoint::v4({198, 18, 4, 2}, reflector_port);
  const Side side = start_side("tun0", sender_port, peer, points_of_whole_packets);
  send_to(side.socket, peer, numbered_payload(3, 0));

  PacketSpec spec;
  spec.ethernet = false;
  Bytes answer = build(spec);
  const Bytes addresses{198, 18, 4, 2, 198, 18, 4, 1};
  std::ranges::copy(addresses, answer.begin() + 12);
  fix_ipv4_checksum(answer);
  ASSERT_EQ(::write(tun.get(), answer.data(), answer.size()), static_cast<ssize_t>(answer.size()));
  EXPECT_EQ(receive(side.socket), 112U);

  const auto events = drain(*side.hooks);
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].point, Point::tc_egress);
  EXPECT_EQ(events[0].sequence, 3U);
  EXPECT_EQ(events[1].point, Point::net_dev_start_xmit);
  EXPECT_EQ(events[2].point, Point::tc_ingress);
  EXPECT_EQ(events[2].sender_sequence, 0x05060708U);
  EXPECT_EQ(events[3].point, Point::socket_delivery);
  EXPECT_EQ(events[3].peer, peer);
}

// As drivers do that put the headers into one piece and the rest into page fragments. tc and the
// socket filter read both; a tracepoint program reads the first, and counts when that is not
// enough.
TEST_F(LiveHooks, PayloadInPageFragments) {
  const auto scope = at_sender();
  const os::Fd tun = open_tun("tun0", true);
  run({"ip", "addr", "add", "198.18.4.1/30", "dev", "tun0"});
  run({"ip", "link", "set", "tun0", "mtu", "9000", "up"});
  const auto peer = Endpoint::v4({198, 18, 4, 2}, reflector_port);
  const Side side = start_side("tun0", sender_port, peer, bpf_points);
  PacketSpec spec;
  spec.ethernet = false;
  spec.payload_bytes = 5000;  // the kernel keeps what fits a page in one piece
  Bytes packet = build(spec);
  const Bytes addresses{198, 18, 4, 2, 198, 18, 4, 1};
  std::ranges::copy(addresses, packet.begin() + 12);
  fix_ipv4_checksum(packet);

  const auto receive_in_pieces = [&](std::uint16_t first_piece_bytes) {
    Bytes frame(10, 0);  // a virtio_net_hdr (its header is no C++); hdr_len at offset 2
    std::memcpy(frame.data() + 2, &first_piece_bytes, sizeof(first_piece_bytes));
    frame.insert(frame.end(), packet.begin(), packet.end());
    EXPECT_EQ(::write(tun.get(), frame.data(), frame.size()), static_cast<ssize_t>(frame.size()))
        << std::strerror(errno);
    receive(side.socket);
    std::vector<Point> points;
    for (const auto& event : drain(*side.hooks)) {
      EXPECT_EQ(event.sequence, 0x01020304U);
      EXPECT_EQ(event.sender_sequence, 0x05060708U);
      points.push_back(event.point);
    }
    return points;
  };
  constexpr std::uint16_t headers_bytes = 28;
  EXPECT_EQ(receive_in_pieces(headers_bytes),
            (std::vector{Point::tc_ingress, Point::socket_delivery}));
  EXPECT_EQ(side.hooks->unreadable(Point::skb_copy_datagram_iovec), 1U);
  EXPECT_EQ(
      receive_in_pieces(headers_bytes + 28),
      (std::vector{Point::tc_ingress, Point::socket_delivery, Point::skb_copy_datagram_iovec}));
  EXPECT_EQ(side.hooks->unreadable(Point::skb_copy_datagram_iovec), 1U);
}

// 4096 bytes hold 73 records of 56 bytes, since a ring is never filled to its last byte.
TEST_F(LiveHooks, AFullRingCountsWhatItLoses) {
  const auto scope = at_sender();
  const os::Fd socket = udp_socket(sender_port);
  HookOptions options;
  options.wanted.add(Point::tc_egress);
  options.interfaces = {interface_index("va0")};
  options.local_port = sender_port;
  options.remote = reflector();
  options.ring_bytes = 1;  // raised to a page
  const auto start = start_hooks(options);
  ASSERT_NE(start.source, nullptr);
  for (std::uint32_t i = 0; i < 200; ++i) send_to(socket, reflector(), numbered_payload(i, 0));
  EXPECT_EQ(start.source->dropped(Point::tc_egress), 127U);
  EXPECT_EQ(start.source->dropped(Point::tc_ingress), 0U);
  const auto events = drain(*start.source);
  ASSERT_EQ(events.size(), 73U);
  EXPECT_EQ(events.front().sequence, 0U);
  EXPECT_EQ(events.back().sequence, 72U);
  send_to(socket, reflector(), numbered_payload(200, 0));
  EXPECT_EQ(drain(*start.source).size(), 1U);
  EXPECT_EQ(start.source->dropped(Point::tc_egress), 127U);
}

// A reassembled packet is in pieces, so its copy passes the tracepoint; tc saw fragments only.
TEST_F(LiveHooks, PacketsInPiecesPassTheCopyTracepoint) {
  Side far;
  {
    const auto scope = at_reflector();
    far = start_side("vb0", reflector_port, std::nullopt, bpf_points);
  }
  const auto scope = at_sender();
  const os::Fd socket = udp_socket(sender_port);
  for (std::uint32_t i = 0; i < 100; ++i) {
    Bytes payload = numbered_payload(i, 0);
    payload.resize(3000);
    send_to(socket, reflector(), payload);
    const auto there = at_reflector();
    EXPECT_EQ(receive(far.socket), 3000U);
  }
  const auto events = drain(*far.hooks);
  ASSERT_EQ(events.size(), 200U);
  for (std::uint32_t i = 0; i < 100; ++i) {
    const HookEvent& delivered = events[2UL * i];
    const HookEvent& copied = events[2UL * i + 1];
    EXPECT_EQ(delivered.point, Point::socket_delivery);
    EXPECT_EQ(copied.point, Point::skb_copy_datagram_iovec);
    EXPECT_EQ(delivered.sequence, i);
    EXPECT_EQ(copied.sequence, i);
    EXPECT_EQ(copied.ssid, 0x2a);
    EXPECT_EQ(copied.peer, sender());
    EXPECT_LE(delivered.ns, copied.ns);
  }
}

// A firewall's program that was there first drops everything; ours still sees the packet.
TEST_F(LiveHooks, AnotherProgramsVerdictHidesNothing) {
  const auto scope = at_sender();
  constexpr std::array drop_all{
      bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K,
               .dst_reg = BPF_REG_0,
               .src_reg = 0,
               .off = 0,
               .imm = 2 /* TC_ACT_SHOT */},
      bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  };
  const os::Fd program(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "drop_all", "GPL", drop_all.data(),
                                     drop_all.size(), nullptr));
  ASSERT_TRUE(static_cast<bool>(program));
  const auto firewall = linux_bpf::attach_tcx(program.get(), interface_index("va0"), Direction::tx);
  if (!firewall) GTEST_SKIP() << "this kernel has no TCX: " << firewall.error().message();
  PointSet transmit;
  transmit.add(Point::tc_egress);
  transmit.add(Point::net_dev_start_xmit);
  const Side side = start_side("va0", sender_port, reflector(), transmit);
  // The question for the address would be dropped, too.
  run({"ip", "neigh", "add", "198.18.0.2", "lladdr", "02:00:00:00:00:02", "dev", "va0"});
  send_to(side.socket, reflector(), numbered_payload(1, 0));
  const auto events = drain(*side.hooks);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].point, Point::tc_egress);
}

TEST_F(LiveHooks, TracepointsOfAnotherNamespaceAreNotOurs) {
  PointSet traced;
  traced.add(Point::net_dev_start_xmit);
  traced.add(Point::skb_copy_datagram_iovec);
  const auto scope = at_reflector();
  const Side far = start_side("vb0", reflector_port, std::nullopt, traced);
  const auto back = at_sender();
  const os::Fd source = udp_socket(reflector_port);  // the port that the other side listens to
  const os::Fd target = udp_socket(sender_port);
  send_to(source, Endpoint::v4({127, 0, 0, 1}, sender_port), numbered_payload(1, 0));
  EXPECT_EQ(receive(target), 44U);
  EXPECT_EQ(drain(*far.hooks).size(), 0U);
}

TEST_F(LiveHooks, TheSocketFilterGoesWithTheHooks) {
  const auto scope = at_reflector();
  PointSet socket_only;
  socket_only.add(Point::socket_delivery);
  Side side = start_side("vb0", reflector_port, std::nullopt, socket_only);
  ASSERT_NE(side.hooks, nullptr);
  side.hooks.reset();
  int ignored = 0;
  EXPECT_EQ(
      ::setsockopt(side.socket.get(), SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof(ignored)), -1);
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(LiveHooks, AnInterfaceMayVanish) {
  for (const bool tcx : {true, false}) {
    const auto scope = at_sender();
    run({"ip", "link", "add", "gone0", "type", "veth", "peer", "name", "gone1"});
    PointSet tc = points_of(Layer::tc);
    Side side = start_side("gone0", sender_port, reflector(), tc,
                           {.tcx = tcx, .tai_clock = true, .btf = true});
    ASSERT_NE(side.hooks, nullptr);
    run({"ip", "link", "del", "gone0"});
    EXPECT_EQ(side.hooks->poll().size(), 0U);
  }
}

TEST_F(LiveHooks, RefusalsSayWhy) {
  const auto scope = at_sender();
  HookOptions options;
  options.wanted = bpf_points;
  options.interfaces = {12345};
  options.local_port = sender_port;
  options.features.btf = false;
  const auto start = start_hooks(options);
  EXPECT_EQ(start.source, nullptr);
  ASSERT_EQ(start.refused.size(), 5U);
  std::map<Point, std::string> causes;
  for (const auto& [point, error] : start.refused) causes[point] = error.cause;
  EXPECT_EQ(causes[Point::tc_egress], "The interface is gone.");
  EXPECT_EQ(causes[Point::tc_ingress], "The interface is gone.");
  EXPECT_EQ(causes[Point::socket_delivery], "No socket was given.");
  EXPECT_EQ(causes[Point::net_dev_start_xmit],
            "The kernel carries no BTF type information (/sys/kernel/btf/vmlinux).");
}

TEST_F(LiveHooks, PointsOfOtherLayersAreNotOurBusiness) {
  HookOptions options;
  options.wanted.add(Point::app_tx);
  options.wanted.add(Point::rx_hardware);
  const auto start = start_hooks(options);
  EXPECT_EQ(start.source, nullptr);
  EXPECT_TRUE(start.refused.empty());
}

}  // namespace
}  // namespace netobs::test
