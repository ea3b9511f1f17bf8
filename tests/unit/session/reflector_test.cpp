#include "core/session/reflector.hpp"

#include <limits>
#include <random>

#include "unit/session/reflector_fixture.hpp"

namespace netobs {
namespace {

using namespace reflector_test;

class ReflectorTest : public Fixture {};

std::vector<std::byte> test_key() {
  std::vector<std::byte> key;
  for (unsigned i = 0; i < 16; ++i) key.push_back(static_cast<std::byte>(i));
  return key;
}

TEST_F(ReflectorTest, AnswersTheBaseFieldByField) {
  start({.error_estimate = *wire::ErrorEstimate::decode(0x0587)});
  const auto one = sent(request(77, 44, 0x2a));
  const auto packet = decoded(one);
  EXPECT_EQ(packet.sequence, 0U);
  EXPECT_EQ(packet.sender_sequence, 77U);
  EXPECT_EQ(packet.t2, wire::ntp_from_unix_ns(epoch));
  EXPECT_EQ(packet.t3, wire::ntp_from_unix_ns(epoch + 1'000));
  EXPECT_EQ(packet.sender_t1, 0x0102030405060708U);
  EXPECT_EQ(packet.sender_error_estimate, 0x8601);
  EXPECT_EQ(packet.error_estimate.encode(), 0x0587);
  EXPECT_EQ(packet.ssid, 0x2a);
  EXPECT_EQ(packet.sender_ttl, 64);
  EXPECT_EQ(one.reply.peer, peer_a);
  EXPECT_EQ(one.reply.local, probed);
  EXPECT_EQ(decoded(sent(request(99, 44, 0x2a))).sequence, 1U);  // its own count, not a copy
  EXPECT_EQ(reflector_->counters().answered, 2U);
}

TEST_F(ReflectorTest, T2IsTheKernelsTimeWhereThereIsOne) {
  start();
  const Bytes octets = request(0);
  const auto one = offer(RxDatagram{.payload = octets,
                                    .peer = peer_a,
                                    .local = probed,
                                    .app_rx_ns = epoch,
                                    .rx_software_ns = epoch - 5'000,
                                    .rx_hardware_ns = 12,
                                    .ttl = 0,
                                    .truncated = false},
                         at_ms(0));
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(decoded(*one).t2, wire::ntp_from_unix_ns(epoch - 5'000));
  EXPECT_EQ(decoded(*one).sender_ttl, 255);  // unknown
}

TEST_F(ReflectorTest, StatelessCopiesTheSequence) {
  start({.stateful = false});
  EXPECT_EQ(decoded(sent(request(77))).sequence, 77U);
  EXPECT_EQ(decoded(sent(request(5))).sequence, 5U);
}

TEST_F(ReflectorTest, ForeignSendersGetTheirSizeButNeverLessThanTheBase) {
  start();
  for (const std::size_t size : {14UL, 15UL, 27UL, 41UL, 43UL, 44UL}) {
    EXPECT_EQ(sent(request(1, size)).octets.size(), 44U) << size;
  }
  EXPECT_EQ(decoded(sent(request(1, 14))).ssid, 0);
  const auto padded = sent(request(1, 100));
  EXPECT_EQ(padded.octets.size(), 100U);
  EXPECT_EQ(Bytes(padded.octets.begin() + 44, padded.octets.end()), Bytes(56, std::byte{0}));
  EXPECT_EQ(reflector_->counters().tlvs_malformed, 0U);
}

TEST_F(ReflectorTest, RandomPaddingIsAnsweredAtItsSizeInOneSession) {
  start({.max_sessions_per_source = 2});
  std::mt19937 random(1);
  for (std::uint32_t i = 0; i < 50; ++i) {
    Bytes octets = request(i, 14 + 100);
    for (std::size_t at = 14; at < octets.size(); ++at) {
      octets[at] = static_cast<std::byte>(random() & 0xffU);
    }
    const auto one = sent(octets);
    EXPECT_EQ(one.octets.size(), 114U);
    EXPECT_EQ(decoded(one).sequence, i);
  }
  EXPECT_EQ(reflector_->sessions(), 1U);
}

TEST_F(ReflectorTest, DropsByReason) {
  start({.allow = {Prefix::of(Endpoint::v4({198, 18, 0, 0}, 0), 15)}});
  EXPECT_EQ(dropped(request(0, 13)), Drop::too_short);
  EXPECT_EQ(dropped({}), Drop::too_short);
  Bytes zero_multiplier = request(0);
  zero_multiplier[13] = std::byte{0};
  EXPECT_EQ(dropped(zero_multiplier), Drop::bad_error_estimate);
  EXPECT_EQ(dropped(request(0), Endpoint::v4({198, 18, 0, 1}, 862)), Drop::own_port);
  EXPECT_EQ(dropped(request(0), Endpoint::v4({198, 18, 0, 1}, 0)), Drop::bad_source);
  EXPECT_EQ(dropped(request(0), Endpoint::v4({0, 0, 0, 0}, 4000)), Drop::bad_source);
  EXPECT_EQ(dropped(request(0), Endpoint::v4({198, 20, 0, 1}, 4000)), Drop::not_allowed);
  const Bytes octets = request(0);
  const RxDatagram cut{.payload = octets,
                       .peer = peer_a,
                       .local = probed,
                       .app_rx_ns = epoch,
                       .rx_software_ns = {},
                       .rx_hardware_ns = {},
                       .ttl = 64,
                       .truncated = true};
  EXPECT_EQ(offer(cut, at_ms(0)).error(), Drop::truncated);
  EXPECT_EQ(dropped(request(0, 2'001)), Drop::no_room);  // the fixture's buffer holds 2000
  EXPECT_EQ(reflector_->counters().answered, 0U);
  EXPECT_EQ(reflector_->counters().received, 9U);
  EXPECT_EQ(reflector_->sessions(), 0U);  // strangers left no state
}

TEST_F(ReflectorTest, OwnPortMayBeAllowed) {
  start({.own_port = 40'000, .answer_own_port = true});
  (void)sent(request(0));
  start({.own_port = 40'000});
  EXPECT_EQ(dropped(request(0)), Drop::own_port);
}

TEST_F(ReflectorTest, SessionsAreToldApartByPeerAndSsid) {
  start();
  EXPECT_EQ(decoded(sent(request(0, 44, 1))).sequence, 0U);
  EXPECT_EQ(decoded(sent(request(1, 44, 1))).sequence, 1U);
  EXPECT_EQ(decoded(sent(request(0, 44, 2))).sequence, 0U);
  EXPECT_EQ(decoded(sent(request(0, 44, 1), peer_b)).sequence, 0U);
  EXPECT_EQ(reflector_->sessions(), 3U);
  // A restart, a duplicate, a late packet: the count just goes on.
  EXPECT_EQ(decoded(sent(request(0, 44, 1))).sequence, 2U);
}

TEST_F(ReflectorTest, TheCapRefusesNewSessionsAndExpiryMakesRoom) {
  start({.max_sessions = 2, .session_expiry = std::chrono::milliseconds(100)});
  (void)sent(request(0, 44, 1), peer_a, at_ms(0));
  (void)sent(request(0, 44, 2), peer_a, at_ms(50));
  EXPECT_EQ(dropped(request(0, 44, 3), peer_a, at_ms(99)), Drop::sessions_full);
  (void)sent(request(1, 44, 1), peer_a, at_ms(99));
  EXPECT_EQ(dropped(request(0, 44, 3), peer_a, at_ms(149)), Drop::sessions_full);
  // Session 2 has been idle for 100 ms now, session 1 has not.
  EXPECT_EQ(decoded(sent(request(0, 44, 3), peer_a, at_ms(150))).sequence, 0U);
  EXPECT_EQ(decoded(sent(request(2, 44, 1), peer_a, at_ms(150))).sequence, 2U);
  EXPECT_EQ(reflector_->counters().sessions_expired, 1U);
  reflector_->expire(at_ms(400));
  EXPECT_EQ(reflector_->sessions(), 0U);
  EXPECT_EQ(reflector_->counters().sessions_opened, 3U);
}

TEST_F(ReflectorTest, OneSourceCannotTakeAllSessions) {
  start({.max_sessions = 10, .max_sessions_per_source = 3});
  for (std::uint16_t ssid = 1; ssid <= 3; ++ssid) (void)sent(request(0, 44, ssid));
  EXPECT_EQ(dropped(request(0, 44, 4)), Drop::sessions_full);
  (void)sent(request(0, 44, 4), peer_b);
}

// A comparison of transports opens dozens, one after the other.
TEST_F(ReflectorTest, AnIdleSessionMakesRoomForAnotherOfItsSource) {
  start({.max_sessions = 10, .max_sessions_per_source = 3});
  for (std::uint16_t ssid = 1; ssid <= 3; ++ssid)
    (void)sent(request(0, 44, ssid), peer_a, at_ms(0));
  (void)sent(request(1, 44, 1), peer_a, at_ms(900));
  (void)sent(request(0, 44, 1), peer_b, at_ms(900));
  EXPECT_EQ(reflector_->sessions(), 4U);
  (void)sent(request(0, 44, 4), peer_a, at_ms(1'000));
  EXPECT_EQ(reflector_->sessions(), 4U);
  // Session 2 went, not the one in use: its own count goes on.
  EXPECT_EQ(decoded(sent(request(2, 44, 1), peer_a, at_ms(1'000))).sequence, 2U);
  (void)sent(request(0, 44, 5), peer_a, at_ms(1'000));  // in the place of 3
  EXPECT_EQ(dropped(request(0, 44, 6), peer_a, at_ms(1'000)), Drop::sessions_full);
}

TEST_F(ReflectorTest, ASourceThatIsTooFastIsLimitedOthersAreNot) {
  start({.rate = {.packets_per_second = 1'000, .burst_packets = 3, .max_sources = 10}});
  for (std::uint32_t i = 0; i < 3; ++i) (void)sent(request(i), peer_a, at_ms(5));
  EXPECT_EQ(dropped(request(3), peer_a, at_ms(5)), Drop::rate_limited);
  (void)sent(request(0), peer_b, at_ms(5));
  (void)sent(request(3), peer_a, at_ms(6));
  EXPECT_EQ(dropped(request(4), peer_a, at_ms(6)), Drop::rate_limited);
  for (std::uint32_t i = 0; i < 3; ++i)
    (void)sent(request(i), peer_a, at_ms(60));  // no more than 3
  EXPECT_EQ(dropped(request(4), peer_a, at_ms(60)), Drop::rate_limited);
  EXPECT_EQ(dropped(request(4), Endpoint::v4({198, 18, 0, 1}, 40'001), at_ms(60)),
            Drop::rate_limited);  // another port is no other source
}

TEST(RateLimiter, AFullTableForgetsOnlySourcesThatAreAtRest) {
  RateLimiter limiter({.packets_per_second = 1'000, .burst_packets = 2, .max_sources = 2}, 1);
  const auto source = [](std::uint8_t last) { return Endpoint::v4({10, 0, 0, last}, 1); };
  EXPECT_EQ(limiter.take(source(1), at_ms(0)), RateVerdict::passed);
  EXPECT_EQ(limiter.take(source(2), at_ms(0)), RateVerdict::passed);
  EXPECT_EQ(limiter.take(source(3), at_ms(0)), RateVerdict::table_full);
  EXPECT_EQ(limiter.take(source(3), at_ms(1)), RateVerdict::passed);
  EXPECT_EQ(limiter.sources(), 2U);
}

TEST(RateLimiter, ZeroMeansNoLimitAndV6CountsPerSubnet) {
  RateLimiter open({.packets_per_second = 0, .burst_packets = 1, .max_sources = 1}, 1);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(open.take(peer_a, at_ms(0)), RateVerdict::passed);
  RateLimiter one({.packets_per_second = 1, .burst_packets = 1, .max_sources = 8}, 1);
  Endpoint first;
  first.address = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  Endpoint neighbour = first;
  neighbour.address[15] = 2;
  Endpoint elsewhere = first;
  elsewhere.address[7] = 9;
  EXPECT_EQ(one.take(first, at_ms(0)), RateVerdict::passed);
  EXPECT_EQ(one.take(neighbour, at_ms(0)), RateVerdict::exceeded);
  EXPECT_EQ(one.take(elsewhere, at_ms(0)), RateVerdict::passed);
}

TEST(Prefix, ContainsByBits) {
  const auto block = Prefix::of(Endpoint::v4({198, 18, 0, 0}, 0), 15);
  EXPECT_TRUE(block.contains(Endpoint::v4({198, 19, 255, 255}, 1)));
  EXPECT_FALSE(block.contains(Endpoint::v4({198, 20, 0, 0}, 1)));
  EXPECT_FALSE(block.contains(Endpoint::v4({199, 18, 0, 0}, 1)));
  const auto host = Prefix::of(Endpoint::v4({10, 0, 0, 1}, 0), 32);
  EXPECT_TRUE(host.contains(Endpoint::v4({10, 0, 0, 1}, 1)));
  EXPECT_FALSE(host.contains(Endpoint::v4({10, 0, 0, 2}, 1)));
  EXPECT_TRUE(Prefix::of(Endpoint{}, 0).contains(peer_a));
}

TEST_F(ReflectorTest, AuthenticatedModeAnswersAndSeals) {
  start({.auth_key = test_key()});
  const auto one = sent(request(7, 112));
  EXPECT_EQ(one.octets.size(), 112U);
  const auto packet = decoded(one);  // verifies the HMAC, T3 included
  EXPECT_EQ(packet.sender_sequence, 7U);
  EXPECT_EQ(packet.t3, wire::ntp_from_unix_ns(epoch + 1'000));
}

TEST_F(ReflectorTest, AuthenticatedModeIsSilentTowardsStrangers) {
  start({.auth_key = test_key()});
  Bytes forged = request(7, 112);
  forged[50] ^= std::byte{1};
  EXPECT_EQ(dropped(forged), Drop::hmac_mismatch);
  EXPECT_EQ(dropped(request(7, 111)), Drop::too_short);
  EXPECT_EQ(reflector_->sessions(), 0U);
}

TEST_F(ReflectorTest, ForgedPacketsDoNotUseUpThePeersTokens) {
  start({.auth_key = test_key(),
         .rate = {.packets_per_second = 1, .burst_packets = 1, .max_sources = 4}});
  Bytes forged = request(0, 112);
  forged[100] ^= std::byte{1};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(dropped(forged), Drop::hmac_mismatch);
  (void)sent(request(0, 112));
}

TEST_F(ReflectorTest, ReplaysAreRefusedInAuthenticatedMode) {
  start({.auth_key = test_key()});
  (void)sent(request(10, 112));
  EXPECT_EQ(dropped(request(10, 112)), Drop::replayed);
  (void)sent(request(12, 112));
  (void)sent(request(11, 112));  // reordered, not replayed
  EXPECT_EQ(dropped(request(11, 112)), Drop::replayed);
  (void)sent(request(12 + 1024, 112));
  EXPECT_EQ(dropped(request(12, 112)), Drop::too_old);
  (void)sent(request(13, 112));
}

TEST(ReplayWindow, WrapsAndKnowsWhatCameBeforeTheFirst) {
  using Verdict = ReplayWindow::Verdict;
  ReplayWindow window;
  EXPECT_EQ(window.accept(2), Verdict::fresh);
  EXPECT_EQ(window.accept(0xffffffff), Verdict::fresh);  // before it, across the wrap
  EXPECT_EQ(window.accept(0xffffffff), Verdict::replayed);
  EXPECT_EQ(window.accept(2), Verdict::replayed);
  EXPECT_EQ(window.accept(0xffffffff - 2000), Verdict::too_old);
  ReplayWindow forward;
  EXPECT_EQ(forward.accept(0xfffffffe), Verdict::fresh);
  EXPECT_EQ(forward.accept(1), Verdict::fresh);
  EXPECT_EQ(forward.accept(0xffffffff), Verdict::fresh);
  EXPECT_EQ(forward.accept(0xfffffffe), Verdict::replayed);
  EXPECT_EQ(forward.accept(1 + 1023), Verdict::fresh);
  EXPECT_EQ(forward.accept(1), Verdict::replayed);
  EXPECT_EQ(forward.accept(0), Verdict::too_old);
  EXPECT_EQ(forward.accept(2), Verdict::fresh);
}

TEST_F(ReflectorTest, AnEmptyKeyIsRefused) {
  const auto refused = Reflector::make({.auth_key = std::vector<std::byte>{}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().exit, ExitCode::usage);
}

TEST(Drop, EveryReasonHasItsName) {
  EXPECT_EQ(name(Drop::truncated), "truncated");
  EXPECT_EQ(name(Drop::own_port), "own_port");
  EXPECT_EQ(name(Drop::sources_full), "sources_full");
  EXPECT_EQ(name(Drop::no_room), "no_room");
}

TEST(KeyedTable, HandlesOfErasedElementsAreNotFound) {
  struct Identity {
    std::uint64_t operator()(std::uint64_t, int key) const {
      return static_cast<std::uint64_t>(key);
    }
  };
  KeyedTable<int, int, Identity> table(3, 0);
  const auto first = table.insert(8, at_ms(1));
  const auto second = table.insert(16, at_ms(2));  // same bucket of 8
  const auto third = table.insert(24, at_ms(3));
  ASSERT_TRUE(first && second && third);
  EXPECT_FALSE(table.insert(32, at_ms(4)).has_value());
  table.touch(*first, at_ms(5));
  EXPECT_EQ(table.least_recently_used(), second);
  table.erase(*second);
  EXPECT_EQ(table.get(*second), nullptr);
  EXPECT_FALSE(table.find(16).has_value());
  EXPECT_EQ(table.find(8), first);
  EXPECT_EQ(table.find(24), third);
  const auto again = table.insert(16, at_ms(6));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->index, second->index);
  EXPECT_EQ(table.get(*second), nullptr);  // another generation lives there
  EXPECT_NE(table.get(*again), nullptr);
  EXPECT_EQ(table.least_recently_used(), third);
  EXPECT_EQ(table.size(), 3U);
}

}  // namespace
}  // namespace netobs
