// What the reflector in the XDP hook answers and how, what it drops, what it leaves to the stack.

#include "linux/bpf/xdp_reflector.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "bpf/abi.h"
#include "bpf/xdp_run.hpp"
#include "core/wire/netobs_tlv.hpp"
#include "core/wire/packet.hpp"
#include "core/wire/tlv.hpp"
#include "core/wire/udp_frame.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/fd.hpp"

namespace netobs::test::xdp {
namespace {

linux_bpf::XdpReflectorOptions reflector_options() {
  linux_bpf::XdpReflectorOptions options;
  options.local_addresses = {v4(2), v6(2)};
  options.local_port = 862;
  options.mac = our_mac;
  options.rate.packets_per_second = 0;
  options.clock_identity = 0x0102030405060708;
  return options;
}

struct Request {
  bool ipv6 = false;
  std::optional<VlanTag> vlan{};
  std::size_t payload_bytes = 150;
  std::uint16_t source_port = 20000;
  std::uint8_t source_host = 1;
  bool with_tlv = true;
  std::optional<Endpoint> source{};  // instead of host and port
};

constexpr std::size_t base_bytes = 44;
constexpr std::size_t follow_up_bytes = 20;

Bytes to_bytes(std::span<const std::byte> from) {
  Bytes bytes(from.size());
  std::memcpy(bytes.data(), from.data(), from.size());
  return bytes;
}

Endpoint source_of(const Request& what) {
  if (what.source) return *what.source;
  return what.ipv6 ? v6(what.source_host, what.source_port)
                   : v4(what.source_host, what.source_port);
}

Bytes request(const Request& what) {
  wire::UdpFlow flow;
  flow.source_mac = {2, 0, 0, 0, 0, 1};
  flow.destination_mac = our_mac;
  flow.vlan = what.vlan;
  flow.source = source_of(what);
  flow.destination = what.ipv6 ? v6(2, 862) : v4(2, 862);
  flow.ttl = 61;
  const wire::FrameHeader header(flow);
  std::vector<std::byte> frame(header.size() + what.payload_bytes);
  const auto payload = std::span(frame).subspan(header.size());
  if (payload.size() >= base_bytes) {
    const auto estimate = wire::ErrorEstimate::from_bound_ns(1000, true);
    wire::encode_sender(wire::Mode::unauthenticated,
                        {.sequence = 0x01020304,
                         .t1 = 0x1112131415161718,
                         .error_estimate = estimate,
                         .ssid = 0x2a},
                        payload);
  }
  constexpr std::size_t least = base_bytes + follow_up_bytes + 4 + wire::netobs_header_size;
  if (what.with_tlv && payload.size() >= least) {
    wire::TlvBuilder tlvs(payload.subspan(base_bytes));
    (void)tlvs.add(wire::TlvType::follow_up_telemetry, follow_up_bytes - 4);
    const auto room = payload.size() - base_bytes - follow_up_bytes - 4;
    wire::write_netobs_request(*tlvs.add(wire::TlvType::netobs, room), PointSet(0x1ffff), false);
  }
  header.write(frame);
  return to_bytes(frame);
}

Bytes request_from(const Endpoint& source) {
  return request({.ipv6 = !source.is_v4(), .source = source});
}

struct Answer {
  wire::UdpFrame frame;
  wire::ReflectorPacket base;
  std::vector<std::byte> bytes;
};

/// The reply to it, valid in every checksum; fails the test when there is none.
std::optional<Answer> answer(const linux_bpf::XdpReflector& reflector, const Bytes& packet) {
  const auto outcome = run(reflector.program_fd(), packet);
  if (!outcome || outcome->verdict != XDP_TX || outcome->packet.size() != packet.size()) {
    ADD_FAILURE() << "verdict " << (outcome ? outcome->verdict : 99);
    return std::nullopt;
  }
  Answer found;
  const auto bytes = std::as_bytes(std::span(outcome->packet));
  found.bytes.assign(bytes.begin(), bytes.end());
  const auto frame = wire::parse_udp_frame(found.bytes);
  if (!frame) {
    ADD_FAILURE() << name(frame.error());
    return std::nullopt;
  }
  found.frame = *frame;
  const auto base = wire::decode_reflector(wire::Mode::unauthenticated, frame->payload, nullptr);
  if (!base) {
    ADD_FAILURE() << "no STAMP reply";
    return std::nullopt;
  }
  found.base = *base;
  return found;
}

void expect_reply(const linux_bpf::XdpReflector& reflector, const Request& what) {
  const auto before_ns = os::realtime_now().ns;
  const auto found = answer(reflector, request(what));
  ASSERT_TRUE(found.has_value());
  const auto after_ns = os::realtime_now().ns;
  const auto& frame = found->frame;
  EXPECT_EQ(frame.checksum, wire::UdpChecksum::verified);
  EXPECT_EQ(frame.source_mac, our_mac);
  EXPECT_EQ(frame.destination_mac, (MacAddress{2, 0, 0, 0, 0, 1}));
  EXPECT_EQ(frame.vlan, what.vlan);
  EXPECT_EQ(frame.source, what.ipv6 ? v6(2, 862) : v4(2, 862));
  EXPECT_EQ(frame.destination, what.ipv6 ? v6(1, 20000) : v4(1, 20000));
  EXPECT_EQ(frame.ttl, 255);
  const auto& base = found->base;
  EXPECT_EQ(base.sequence, 0x01020304U);
  EXPECT_EQ(base.sender_sequence, 0x01020304U);
  EXPECT_EQ(base.ssid, 0x2a);
  EXPECT_EQ(base.sender_t1, 0x1112131415161718U);
  EXPECT_EQ(base.sender_error_estimate, wire::ErrorEstimate::from_bound_ns(1000, true).encode());
  EXPECT_EQ(base.sender_ttl, 61);
  EXPECT_EQ(base.error_estimate, wire::ErrorEstimate::from_bound_ns(5'000'000, true));
  const auto t2_ns = wire::unix_ns_from_ntp(base.t2, before_ns);
  const auto t3_ns = wire::unix_ns_from_ntp(base.t3, before_ns);
  constexpr std::int64_t slack_ns = 100'000;  // of a converted clock
  EXPECT_GE(t2_ns, before_ns - slack_ns);
  EXPECT_GE(t3_ns, t2_ns);
  EXPECT_LE(t3_ns, after_ns + slack_ns);
}

TEST(XdpReflector, AnswersWithEveryFieldAndChecksum) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  reflector.refresh(wire::ErrorEstimate::from_bound_ns(5'000'000, true));
  for (const bool ipv6 : {false, true}) {
    for (const std::size_t bytes : {44U, 45U, 63U, 150U, 151U, 1400U}) {
      SCOPED_TRACE(bytes);
      expect_reply(reflector, {.ipv6 = ipv6, .payload_bytes = bytes});
      expect_reply(reflector, {.ipv6 = ipv6, .payload_bytes = bytes, .with_tlv = false});
    }
  }
  EXPECT_EQ(reflector.counters().received, 24U);
  EXPECT_EQ(reflector.counters().answered, 24U);
}

TEST(XdpReflector, KeepsTheTagOfOurVlan) {
  auto options = reflector_options();
  options.vlan_id = 7;
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, options);
  reflector.refresh(wire::ErrorEstimate::from_bound_ns(5'000'000, true));
  expect_reply(reflector, {.vlan = VlanTag{0x8100, 7}});
  expect_reply(reflector, {.ipv6 = true, .vlan = VlanTag{0x88a8, 7}});
}

TEST(XdpReflector, SaysInTheNetObsTlvWhatItsTimesAre) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  const auto found = answer(reflector, request({}));
  ASSERT_TRUE(found.has_value());
  wire::TlvWalk walk(found->frame.payload.subspan(base_bytes));
  const auto follow_up = walk.next();
  ASSERT_TRUE(follow_up.has_value());
  EXPECT_TRUE(follow_up->has(wire::flag_unrecognised));  // as it came
  const auto ours = walk.next();
  ASSERT_TRUE(ours.has_value());
  EXPECT_EQ(ours->flags, 0);
  const auto reply = wire::parse_netobs_reply(ours->value);
  ASSERT_TRUE(reply.has_value()) << name(reply.error());
  PointSet points;
  points.add(Point::xdp_rx);
  points.add(Point::xdp_tx);
  EXPECT_EQ(reply->status, (wire::NetobsStatus{.available = points,
                                               .on_path = points,
                                               .base_is_xdp = true,
                                               .clock_identity = 0x0102030405060708,
                                               .dropped = 0,
                                               .clock_steps = 0}));
  EXPECT_EQ(reply->entry_count, 0U);
}

TEST(XdpReflector, FinishesAChecksumThatWasLeftToANic) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  for (const bool ipv6 : {false, true}) {
    for (const std::size_t bytes : {44U, 45U, 150U, 1001U}) {
      Bytes packet = request({.ipv6 = ipv6, .payload_bytes = bytes});
      // The pseudo-header's sum: that of the whole with everything else taken as zero.
      const std::size_t ip = ethernet_bytes;
      const std::size_t udp = ip + (ipv6 ? 40 : 20);
      std::uint32_t sum = 17 + static_cast<std::uint32_t>(8 + bytes);
      const std::size_t addresses = ip + (ipv6 ? 8 : 12);
      for (std::size_t i = addresses; i < udp; i += 2) {
        sum += static_cast<std::uint32_t>(packet[i] << 8U | packet[i + 1]);
      }
      while (sum > 0xffff) sum = (sum & 0xffffU) + (sum >> 16U);
      packet[udp + 6] = static_cast<std::uint8_t>(sum >> 8U);
      packet[udp + 7] = static_cast<std::uint8_t>(sum & 0xffU);
      const auto found = answer(reflector, packet);
      ASSERT_TRUE(found.has_value());
      EXPECT_EQ(found->frame.checksum, wire::UdpChecksum::verified) << bytes;
    }
  }
}

TEST(XdpReflector, DamageStaysDamage) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  Bytes packet = request({});
  packet[100] ^= 1U;
  const auto outcome = run(reflector.program_fd(), packet);
  ASSERT_TRUE(outcome.has_value());
  ASSERT_EQ(outcome->verdict, XDP_TX);
  const auto parsed = wire::parse_udp_frame(std::as_bytes(std::span(outcome->packet)));
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error(), wire::FrameReject::bad_udp_checksum);
  // A damaged IPv4 header is left to the stack, which counts it.
  packet = request({});
  packet[22] ^= 1U;
  const auto passed = run(reflector.program_fd(), packet);
  ASSERT_TRUE(passed.has_value());
  EXPECT_EQ(passed->verdict, XDP_PASS);
  EXPECT_EQ(passed->packet, packet);
}

void expect_dropped(const linux_bpf::XdpReflector& reflector, const Request& what) {
  const auto outcome = run(reflector.program_fd(), request(what));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->verdict, XDP_DROP);
}

TEST(XdpReflector, KeepsTheLimitsOfAReflector) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  expect_dropped(reflector, {.source_port = 862});
  EXPECT_EQ(reflector.counters().own_port, 1U);
  expect_dropped(reflector, {.source_port = 0});
  EXPECT_EQ(reflector.counters().bad_source, 1U);
  expect_dropped(reflector, {.payload_bytes = 43});
  expect_dropped(reflector, {.payload_bytes = 0});
  EXPECT_EQ(reflector.counters().too_short, 2U);
  EXPECT_EQ(reflector.counters().answered, 0U);

  auto own_port = reflector_options();
  own_port.answer_own_port = true;
  LOAD_OR_SKIP(linux_bpf::XdpReflector, generous, own_port);
  EXPECT_TRUE(answer(generous, request({.source_port = 862})).has_value());
}

// The stack drops these before a socket sees them; here nobody else looks.
TEST(XdpReflector, RefusesWhoClaimsToBeThisHost) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  const auto low_v6 = [](std::uint8_t last) {
    Endpoint source;
    source.address[15] = last;
    source.port = 20000;
    return source;
  };
  std::uint64_t refused = 0;
  for (const auto& source : {v4(2, 20000), v6(2, 20000), Endpoint::v4({127, 0, 0, 1}, 20000),
                             Endpoint::v4({127, 255, 0, 1}, 20000), low_v6(1)}) {
    SCOPED_TRACE(source.text());
    const auto outcome = run(reflector.program_fd(), request_from(source));
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->verdict, XDP_DROP);
    EXPECT_EQ(reflector.counters().bad_source, ++refused);
  }
  for (const auto& source : {Endpoint::v4({126, 255, 255, 254}, 20000),
                             Endpoint::v4({128, 0, 0, 1}, 20000), low_v6(2)}) {
    SCOPED_TRACE(source.text());
    EXPECT_TRUE(answer(reflector, request_from(source)).has_value());
  }
}

TEST(XdpReflector, RefusesAnErrorEstimateThatSaysNothing) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  for (const bool ipv6 : {false, true}) {
    Bytes packet = request({.ipv6 = ipv6});
    packet[ethernet_bytes + (ipv6 ? 40U : 20U) + 8 + 13] = 0;  // the multiplier
    const auto outcome = run(reflector.program_fd(), packet);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->verdict, XDP_DROP);
  }
  EXPECT_EQ(reflector.counters().bad_error_estimate, 2U);
  EXPECT_EQ(reflector.counters().answered, 0U);
}

TEST(XdpReflector, NoChecksumStaysNone) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  Bytes packet = request({});
  packet[40] = 0;
  packet[41] = 0;
  const auto outcome = run(reflector.program_fd(), packet);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->verdict, XDP_TX);
  EXPECT_EQ(outcome->packet[40], 0);
  EXPECT_EQ(outcome->packet[41], 0);
}

TEST(XdpReflector, AnswersOnlyWhoIsAllowed) {
  auto options = reflector_options();
  options.allow = {Prefix::of(v4(0), 31), Prefix::of(v6(0), 127)};
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, options);
  EXPECT_TRUE(answer(reflector, request({})).has_value());
  EXPECT_TRUE(answer(reflector, request({.ipv6 = true})).has_value());
  expect_dropped(reflector, {.source_host = 4});
  expect_dropped(reflector, {.ipv6 = true, .source_host = 4});
  EXPECT_EQ(reflector.counters().not_allowed, 2U);
}

TEST(XdpReflector, LimitsTheRateOfEachSource) {
  auto options = reflector_options();
  options.rate = {.packets_per_second = 1, .burst_packets = 3, .max_sources = 1};
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, options);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(answer(reflector, request({})).has_value()) << i;
  expect_dropped(reflector, {});
  EXPECT_EQ(reflector.counters().rate_limited, 1U);
  EXPECT_TRUE(answer(reflector, request({.source_host = 3})).has_value());
  // One host of IPv6 has all of its /64.
  for (std::uint8_t host = 10; host < 13; ++host) {
    EXPECT_TRUE(answer(reflector, request({.ipv6 = true, .source_host = host})).has_value());
  }
  expect_dropped(reflector, {.ipv6 = true, .source_host = 13});
}

/// A map of a loaded program, by name.
os::Fd map_of(int program_fd, std::string_view name) {
  std::array<std::uint32_t, 16> ids{};
  bpf_prog_info info{};
  info.nr_map_ids = ids.size();
  info.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
  std::uint32_t size = sizeof info;
  EXPECT_EQ(bpf_obj_get_info_by_fd(program_fd, &info, &size), 0);
  for (const auto id : std::span(ids).first(std::min<std::size_t>(info.nr_map_ids, ids.size()))) {
    os::Fd map(bpf_map_get_fd_by_id(id));
    bpf_map_info found{};
    size = sizeof found;
    if (bpf_obj_get_info_by_fd(map.get(), &found, &size) == 0 && found.name == name) return map;
  }
  ADD_FAILURE() << "no map " << name;
  return {};
}

// The clock that the rate is counted by follows CLOCK_REALTIME when that is set.
TEST(XdpReflector, AClockSetBackSilencesNobody) {
  auto options = reflector_options();
  options.rate = {.packets_per_second = 1, .burst_packets = 1, .max_sources = 1};
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, options);
  EXPECT_TRUE(answer(reflector, request({})).has_value());
  expect_dropped(reflector, {});
  const auto sources = map_of(reflector.program_fd(), "sources");
  const auto key = v4(1).address;
  std::uint64_t used_up_ns = 0;
  ASSERT_EQ(bpf_map_lookup_elem(sources.get(), key.data(), &used_up_ns), 0);
  constexpr std::uint64_t hour_ns = 3'600'000'000'000;
  used_up_ns += hour_ns;  // as an hour less on the clock would make it
  ASSERT_EQ(bpf_map_update_elem(sources.get(), key.data(), &used_up_ns, BPF_EXIST), 0);
  EXPECT_TRUE(answer(reflector, request({})).has_value());
  expect_dropped(reflector, {});
}

TEST(XdpReflector, IPv6WithoutAChecksumIsLeftToTheStack) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  Bytes packet = request({.ipv6 = true});
  packet[60] = 0;
  packet[61] = 0;
  const auto outcome = run(reflector.program_fd(), packet);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->verdict, XDP_PASS);
  EXPECT_EQ(outcome->packet, packet);
  EXPECT_EQ(reflector.counters().received, 0U);
}

TEST(XdpReflector, PassesWhatIsNotForIt) {
  auto options = reflector_options();
  options.local_port = 20000;
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, options);
  for (const auto& test : cases()) {
    if (test.ours) continue;
    const auto outcome = run(reflector.program_fd(), test.packet);
    if (!outcome) continue;
    EXPECT_EQ(outcome->verdict, XDP_PASS) << test.name;
    EXPECT_EQ(outcome->packet, test.packet) << test.name;
  }
  EXPECT_EQ(reflector.counters().received, 0U);
}

TEST(XdpReflector, TruncatedAtEveryLength) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  for (const bool ipv6 : {false, true}) {
    const Bytes whole = request({.ipv6 = ipv6});
    for (std::size_t size = ethernet_bytes; size < whole.size(); ++size) {
      const Bytes packet(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      const auto outcome = run(reflector.program_fd(), packet);
      if (!outcome) continue;
      EXPECT_EQ(outcome->verdict, XDP_PASS) << size;
      EXPECT_EQ(outcome->packet, packet) << size;
    }
  }
}

std::optional<wire::UdpChecksum> checksum_of(const Bytes& packet) {
  const auto parsed = wire::parse_udp_frame(std::as_bytes(std::span(packet)));
  return parsed ? std::optional(parsed->checksum) : std::nullopt;
}

// Whatever one octet becomes: a packet that is answered gets an answer of its own size that is as
// valid as it was, and one that is not is not touched.
TEST(XdpReflector, EveryOctetDamaged) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  std::size_t answered = 0;
  for (const bool ipv6 : {false, true}) {
    const Bytes whole = request({.ipv6 = ipv6, .payload_bytes = 107});
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const auto change : std::array<std::uint8_t, 4>{0x01, 0x40, 0x80, 0xff}) {
        Bytes packet = whole;
        packet[at] ^= change;
        const auto outcome = run(reflector.program_fd(), packet);
        ASSERT_TRUE(outcome.has_value()) << at;
        if (outcome->verdict == XDP_TX) {
          ++answered;
          EXPECT_EQ(outcome->packet.size(), packet.size()) << at;
          EXPECT_EQ(checksum_of(outcome->packet), checksum_of(packet)) << at << ' ' << +change;
        } else {
          EXPECT_TRUE(outcome->verdict == XDP_PASS || outcome->verdict == XDP_DROP) << at;
          EXPECT_EQ(outcome->packet, packet) << at;
        }
      }
    }
  }
  EXPECT_GT(answered, 600U);  // the payload alone
}

// TLVs whose lengths lie: the base is answered, nothing beyond the datagram is touched.
TEST(XdpReflector, HostileTlvsAreLeftAlone) {
  LOAD_OR_SKIP(linux_bpf::XdpReflector, reflector, reflector_options());
  const std::size_t first = ethernet_bytes + 28 + base_bytes;
  for (const std::size_t length :
       {std::size_t{1}, std::size_t{83}, std::size_t{103}, std::size_t{0xffff}}) {
    Bytes packet = request({});
    packet[first + 2] = static_cast<std::uint8_t>(length >> 8U);
    packet[first + 3] = static_cast<std::uint8_t>(length & 0xffU);
    packet[40] = 0;  // no UDP checksum: the lie shall not be what stops it
    packet[41] = 0;
    const auto outcome = run(reflector.program_fd(), packet);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->verdict, XDP_TX) << length;
    const auto tail = static_cast<std::ptrdiff_t>(first);
    EXPECT_TRUE(std::equal(packet.begin() + tail, packet.end(), outcome->packet.begin() + tail))
        << length;
  }
}

}  // namespace
}  // namespace netobs::test::xdp
