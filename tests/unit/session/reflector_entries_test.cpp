#include "core/session/reflector_entries.hpp"

#include "unit/session/reflector_fixture.hpp"

namespace netobs {
namespace {

using namespace reflector_test;
using Sequences = std::vector<std::uint32_t>;

const PointSet app_only = set_of({Point::app_tx, Point::app_rx});
const PointSet with_kernel =
    set_of({Point::app_tx, Point::tx_sched, Point::tx_software, Point::rx_software, Point::app_rx});

using ReflectorEntries = Fixture;

TEST_F(ReflectorEntries, AnEntryCarriesAllPointsOfAnEarlierProbe) {
  start({.available = app_and_tc, .clock_identity = 0x1234});
  reflector_->on_hook_event(hook(Point::tc_ingress, 9, epoch - 400));  // ahead of its datagram
  const auto first = probe(9, app_and_tc);
  EXPECT_EQ(netobs(first).entry_count, 0U);
  EXPECT_EQ(netobs(first).status.available, app_and_tc);
  EXPECT_EQ(netobs(first).status.clock_identity, 0x1234U);
  reflector_->on_hook_event(hook(Point::tc_egress, 0, epoch + 1'500));
  const auto reply = netobs(probe(10, app_and_tc));
  ASSERT_EQ(reply.entry_count, 1U);
  const auto& entry = reply.entries()[0];
  EXPECT_EQ(entry.sender_sequence, 9U);
  EXPECT_EQ(entry.reflector_sequence, 0U);
  EXPECT_EQ(entry.points, app_and_tc);
  EXPECT_EQ(entry.ns[index(Point::tc_ingress)], epoch - 400);
  EXPECT_EQ(entry.ns[index(Point::app_rx)], epoch);
  EXPECT_EQ(entry.ns[index(Point::app_tx)], epoch + 1'009);
  EXPECT_EQ(entry.ns[index(Point::tc_egress)], epoch + 1'500);
  EXPECT_EQ(reflector_->counters().hook_events_unmatched, 0U);
}

TEST_F(ReflectorEntries, EachEntryGoesOutTwiceInDifferentReplies) {
  start({.available = app_only});
  EXPECT_EQ(carried(probe(0, app_only)), Sequences{});
  EXPECT_EQ(carried(probe(1, app_only)), (Sequences{0}));
  EXPECT_EQ(carried(probe(2, app_only)), (Sequences{1, 0}));
  EXPECT_EQ(carried(probe(3, app_only)), (Sequences{2, 1}));  // 0 has been twice
  EXPECT_EQ(carried(probe(4, app_only, at_ms(0), 8)), (Sequences{3, 2}));
}

TEST_F(ReflectorEntries, AnyOneLostReplyLosesNoEntry) {
  start({.available = app_only});
  for (std::uint32_t lost = 1; lost < 6; ++lost) {
    std::vector<bool> seen(10, false);
    start({.available = app_only});
    for (std::uint32_t i = 0; i < 10; ++i) {
      const auto one = probe(i, app_only);
      if (i == lost) continue;
      for (const auto sequence : carried(one)) seen[sequence] = true;
    }
    for (std::uint32_t i = 0; i < 9; ++i) EXPECT_TRUE(seen[i]) << i << " with loss of " << lost;
  }
}

TEST_F(ReflectorEntries, MissingPointsAreWaitedForUntilTheHoldTimeEnds) {
  start({.available = app_and_tc});
  (void)probe(0, app_and_tc, at_ms(0));
  EXPECT_EQ(carried(probe(1, app_and_tc, at_ms(19))), Sequences{});
  const auto reply = probe(2, app_and_tc, at_ms(20));
  EXPECT_EQ(carried(reply), (Sequences{0}));
  EXPECT_EQ(netobs(reply).entry_slots[0].points, app_only);
}

TEST_F(ReflectorEntries, AReceivePointNotTakenInItsTurnIsNotWaitedFor) {
  start({.available = app_and_tc});
  (void)probe(0, app_and_tc);
  reflector_->on_hook_event(hook(Point::tc_egress, 0, epoch + 2'000));
  EXPECT_EQ(carried(probe(1, app_and_tc)), Sequences{});  // tc_ingress may come in this turn yet
  reflector_->events_drained();
  const auto reply = probe(2, app_and_tc);
  EXPECT_EQ(carried(reply), (Sequences{0}));  // 1 still lacks a transmit point
  EXPECT_EQ(netobs(reply).entry_slots[0].points,
            set_of({Point::app_tx, Point::tc_egress, Point::app_rx}));
}

TEST_F(ReflectorEntries, ACompleteEntryOvertakesOneThatWaits) {
  start({.available = app_and_tc});
  (void)probe(0, app_and_tc, at_ms(0));
  (void)probe(1, app_and_tc, at_ms(1));
  reflector_->on_hook_event(hook(Point::tc_ingress, 1, epoch - 10));
  reflector_->on_hook_event(hook(Point::tc_egress, 1, epoch + 2'000));
  EXPECT_EQ(carried(probe(2, app_and_tc, at_ms(2))), (Sequences{1}));
  EXPECT_EQ(carried(probe(3, app_and_tc, at_ms(20))), (Sequences{0, 1}));
}

TEST_F(ReflectorEntries, OnlyPointsAskedForAreWaitedForAndSent) {
  start({.available = app_and_tc});
  (void)probe(0, app_only);
  reflector_->on_hook_event(hook(Point::tc_ingress, 0, epoch - 10));
  const auto reply = netobs(probe(1, app_only));
  ASSERT_EQ(reply.entry_count, 1U);
  EXPECT_EQ(reply.entries()[0].points, app_only);
  EXPECT_EQ(reply.status.available, app_and_tc);
}

TEST_F(ReflectorEntries, ALateTimestampSendsTheEntryOnceMore) {
  start({.available = app_and_tc});
  (void)probe(0, app_and_tc, at_ms(0), 1);
  reflector_->on_hook_event(hook(Point::tc_ingress, 0, epoch - 10));
  EXPECT_EQ(carried(probe(1, app_and_tc, at_ms(20), 1)), (Sequences{0}));
  EXPECT_EQ(carried(probe(2, app_and_tc, at_ms(21), 1)), (Sequences{0}));
  EXPECT_EQ(carried(probe(3, app_and_tc, at_ms(22), 1)), (Sequences{}));
  reflector_->on_hook_event(hook(Point::tc_egress, 0, epoch + 2'000));
  const auto reply = probe(4, app_and_tc, at_ms(23), 1);
  EXPECT_EQ(carried(reply), (Sequences{0}));
  EXPECT_EQ(netobs(reply).entry_slots[0].points, app_and_tc);
}

TEST_F(ReflectorEntries, EntriesThatFoundNoRoomInTimeAreCounted) {
  start({.available = app_only, .entries = {.capacity = 4}});
  // Six probes of which only the first and last make room: the ring keeps four.
  (void)probe(0, app_only);
  for (std::uint32_t i = 1; i < 6; ++i) (void)sent(request(i, 44));
  const auto reply_6 = probe(6, app_only);
  EXPECT_EQ(netobs(reply_6).status.dropped, 2U);
  EXPECT_EQ(carried(reply_6), (Sequences{2, 3}));
  // Probe 6 took the place of 2, which had been sent: less redundancy, but no loss.
  const auto reply_7 = probe(7, app_only, at_ms(0), 8);
  EXPECT_EQ(carried(reply_7), (Sequences{4, 5, 6, 3}));
  EXPECT_EQ(netobs(reply_7).status.dropped, 2U);
}

TEST_F(ReflectorEntries, AtHalfARingOfLaterRepliesWaitingEnds) {
  start({.available = app_and_tc, .entries = {.capacity = 8}});
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(carried(probe(i, app_and_tc)), Sequences{}) << i;
  }
  EXPECT_EQ(carried(probe(4, app_and_tc)), Sequences{});
  EXPECT_EQ(carried(probe(5, app_and_tc)), (Sequences{0}));
}

TEST_F(ReflectorEntries, DuplicatesFillTheFirstEmptySlot) {
  start({.available = app_and_tc});
  (void)probe(3, app_and_tc);
  (void)probe(3, app_and_tc);
  reflector_->on_hook_event(hook(Point::tc_ingress, 3, epoch - 30));
  reflector_->on_hook_event(hook(Point::tc_ingress, 3, epoch - 20));
  reflector_->on_hook_event(hook(Point::tc_ingress, 3, epoch - 10));  // a third copy, not yet read
  (void)probe(3, app_and_tc);
  for (std::uint32_t i = 0; i < 3; ++i) {
    reflector_->on_hook_event(hook(Point::tc_egress, i, epoch + 2'000));
  }
  const auto reply = netobs(probe(4, app_and_tc, at_ms(0), 3));
  ASSERT_EQ(reply.entry_count, 3U);
  EXPECT_EQ(reply.entries()[0].ns[index(Point::tc_ingress)], epoch - 30);
  EXPECT_EQ(reply.entries()[1].ns[index(Point::tc_ingress)], epoch - 20);
  EXPECT_EQ(reply.entries()[2].ns[index(Point::tc_ingress)], epoch - 10);
}

TEST_F(ReflectorEntries, StaleEventsOfTheSameSequenceAreNotAttached) {
  start({.available = app_and_tc});
  reflector_->on_hook_event(hook(Point::tc_ingress, 0, epoch - 2 * second));
  reflector_->on_hook_event(hook(Point::tc_ingress, 0, epoch + 5'000'000));
  (void)probe(0, app_and_tc, at_ms(0));
  const auto reply = netobs(probe(1, app_and_tc, at_ms(30)));
  ASSERT_EQ(reply.entry_count, 1U);
  EXPECT_EQ(reply.entries()[0].points, app_only);
}

TEST_F(ReflectorEntries, PendingEventsAreBoundedAndCounted) {
  start({.available = app_and_tc, .pending_hook_events = 4});
  for (std::uint32_t i = 0; i < 6; ++i) {
    reflector_->on_hook_event(hook(Point::tc_ingress, i, epoch - 1));
  }
  EXPECT_EQ(reflector_->counters().hook_events_unmatched, 2U);
  reflector_->on_hook_event(hook(Point::tc_egress, 0, epoch));  // of no reply of ours
  EXPECT_EQ(reflector_->counters().hook_events_unmatched, 3U);
}

TEST_F(ReflectorEntries, StatelessRepliesAreFoundByTheCopiedSequence) {
  start({.stateful = false, .available = app_and_tc});
  (void)probe(70, app_and_tc);
  reflector_->on_hook_event(hook(Point::tc_ingress, 70, epoch - 10));
  reflector_->on_hook_event(hook(Point::tc_egress, 70, epoch + 2'000));
  const auto reply = netobs(probe(71, app_and_tc));
  ASSERT_EQ(reply.entry_count, 1U);
  EXPECT_EQ(reply.entries()[0].points, app_and_tc);
  EXPECT_EQ(reply.entries()[0].reflector_sequence, 70U);
}

TEST_F(ReflectorEntries, TransportTimestampsByUniqueId) {
  start({.available = with_kernel});
  const auto a = probe(0, with_kernel, at_ms(0), 1, peer_a);
  const auto b = probe(0, with_kernel, at_ms(0), 1, peer_b);
  EXPECT_NE(a.reply.timestamp_id, b.reply.timestamp_id);
  reflector_->on_tx_timestamp(b.reply.timestamp_id, Point::tx_sched, epoch + 1'200);
  reflector_->on_tx_timestamp(a.reply.timestamp_id, Point::tx_sched, epoch + 1'100);
  reflector_->on_tx_timestamp(a.reply.timestamp_id, Point::tx_sched,
                              epoch + 1'150);  // stacked: first
  reflector_->on_tx_timestamp(a.reply.timestamp_id, Point::tx_software, epoch + 1'300);
  reflector_->on_tx_timestamp(a.reply.timestamp_id, Point::tx_software, epoch + 1'400);  // last
  reflector_->on_tx_timestamp(999, Point::tx_software, epoch + 1'400);
  EXPECT_EQ(reflector_->counters().tx_timestamps_unmatched, 1U);
  const auto of_a = netobs(probe(1, with_kernel, at_ms(20), 1, peer_a));
  const auto of_b = netobs(probe(1, with_kernel, at_ms(20), 1, peer_b));
  ASSERT_EQ(of_a.entry_count, 1U);
  ASSERT_EQ(of_b.entry_count, 1U);
  EXPECT_EQ(of_a.entries()[0].ns[index(Point::tx_sched)], epoch + 1'100);
  EXPECT_EQ(of_a.entries()[0].ns[index(Point::tx_software)], epoch + 1'400);
  EXPECT_EQ(of_b.entries()[0].ns[index(Point::tx_sched)], epoch + 1'200);
  EXPECT_FALSE(of_b.entries()[0].points.has(Point::tx_software));
}

TEST_F(ReflectorEntries, SessionsThatShareIdsAreServedInTheOrderOfSending) {
  start({.available = with_kernel, .unique_timestamp_ids = false});
  const auto a = probe(50, with_kernel, at_ms(0), 1, peer_a);
  const auto b = probe(60, with_kernel, at_ms(0), 1, peer_b);
  EXPECT_EQ(a.reply.timestamp_id, 0U);  // the reply's sequence, as the kernel reads it
  EXPECT_EQ(b.reply.timestamp_id, 0U);
  reflector_->on_tx_timestamp(0, Point::tx_sched, epoch + 1'100);
  reflector_->on_tx_timestamp(0, Point::tx_sched, epoch + 1'200);
  reflector_->on_tx_timestamp(0, Point::tx_software, epoch + 1'300);
  reflector_->on_tx_timestamp(0, Point::tx_software, epoch + 1'400);
  const auto of_a = netobs(probe(51, with_kernel, at_ms(20), 1, peer_a));
  const auto of_b = netobs(probe(61, with_kernel, at_ms(20), 1, peer_b));
  ASSERT_EQ(of_a.entry_count, 1U);
  ASSERT_EQ(of_b.entry_count, 1U);
  EXPECT_EQ(of_a.entries()[0].ns[index(Point::tx_sched)], epoch + 1'100);
  EXPECT_EQ(of_a.entries()[0].ns[index(Point::tx_software)], epoch + 1'300);
  EXPECT_EQ(of_b.entries()[0].ns[index(Point::tx_sched)], epoch + 1'200);
  EXPECT_EQ(of_b.entries()[0].ns[index(Point::tx_software)], epoch + 1'400);
}

TEST(RecentSends, SharedIdsIgnoreSendsThatCannotHaveCausedTheTimestamp) {
  RecentSends sends(8, false);
  const TableHandle session{0, 0};
  const auto old = sends.add(session, 1, 7);
  sends.stamp(old, epoch);
  const auto unsent = sends.add(session, 2, 7);
  const auto failed = sends.add(session, 3, 7);
  sends.stamp(failed, epoch + 5 * second);
  const auto good = sends.add(session, 4, 7);
  sends.stamp(good, epoch + 5 * second + 10);
  (void)unsent;
  EXPECT_EQ(sends.attribute(7, Point::tx_software, epoch - 1), nullptr);  // before all of them
  // Its own timestamp was lost long ago; the one that failed has none.
  sends.fail(7);  // the oldest without a timestamp
  const auto* send = sends.attribute(7, Point::tx_software, epoch + 5 * second + 20);
  ASSERT_NE(send, nullptr);
  EXPECT_EQ(send->reply_number, 3U);
  send = sends.attribute(7, Point::tx_software, epoch + 5 * second + 30);
  ASSERT_NE(send, nullptr);
  EXPECT_EQ(send->reply_number, 4U);
  EXPECT_EQ(sends.attribute(8, Point::tx_software, epoch), nullptr);
}

TEST_F(ReflectorEntries, SendFailuresAreCounted) {
  start({.available = with_kernel});
  const auto one = probe(0, with_kernel);
  reflector_->on_send_failure({.id = one.reply.timestamp_id, .sys_errno = 105});
  reflector_->on_send_failure({.id = std::nullopt, .sys_errno = 111});
  EXPECT_EQ(reflector_->counters().send_failures, 2U);
}

TEST_F(ReflectorEntries, TimestampsOfAnExpiredSessionHarmNobody) {
  start({.session_expiry = std::chrono::milliseconds(10), .available = with_kernel});
  const auto old = probe(0, with_kernel, at_ms(0));
  reflector_->expire(at_ms(10));
  (void)probe(0, with_kernel, at_ms(11), 2, peer_b);  // takes the same place in the table
  reflector_->on_tx_timestamp(old.reply.timestamp_id, Point::tx_software, epoch + 1);
  Bytes octets = old.octets;
  reflector_->stamp_t3(old.reply.key, octets, epoch + 2);
  const auto reply = netobs(probe(1, with_kernel, at_ms(40), 2, peer_b));
  ASSERT_EQ(reply.entry_count, 0U);  // expired again
}

TEST_F(ReflectorEntries, FullFormEntriesWithHardwareTimes) {
  const PointSet nic =
      set_of({Point::app_tx, Point::tx_hardware, Point::rx_hardware, Point::app_rx});
  start({.available = nic});
  const Bytes octets = netobs_request(0, nic, 1);
  const auto one = offer(RxDatagram{.payload = octets,
                                    .peer = peer_a,
                                    .local = probed,
                                    .app_rx_ns = epoch,
                                    .rx_software_ns = epoch - 5,
                                    .rx_hardware_ns = 37 * second,
                                    .ttl = 64,
                                    .truncated = false},
                         at_ms(0));
  ASSERT_TRUE(one.has_value());
  reflector_->on_tx_timestamp(one->reply.timestamp_id, Point::tx_hardware, 38 * second);
  const auto reply = netobs(probe(1, nic, at_ms(0), 1));
  ASSERT_EQ(reply.entry_count, 1U);
  EXPECT_EQ(reply.entries()[0].points, nic);  // rx_software is not recorded here
  EXPECT_EQ(reply.entries()[0].ns[index(Point::rx_hardware)], 37 * second);
  EXPECT_EQ(reply.entries()[0].ns[index(Point::tx_hardware)], 38 * second);
}

TEST(RecentSends, HardwareTimesOfSharedIdsGoToTheReplyTheyFit) {
  RecentSends sends(16, false);
  const TableHandle nobody{};
  // A warm-up's reply whose NIC never told, and a run's with the same number, 2 s later.
  const auto old = sends.add(nobody, 100, 7);
  sends.stamp(old, epoch);
  const auto now = sends.add(nobody, 200, 7);
  sends.stamp(now, epoch + 2 * second);
  const auto* send = sends.attribute(7, Point::tx_hardware, epoch + 2 * second + 900);
  ASSERT_NE(send, nullptr);
  EXPECT_EQ(send->reply_number, 200U);
  // One of another clock, or a false one: of the latest that has none.
  const auto last = sends.add(nobody, 300, 7);
  sends.stamp(last, epoch + 4 * second);
  send = sends.attribute(7, Point::tx_hardware, std::nullopt);
  ASSERT_NE(send, nullptr);
  EXPECT_EQ(send->reply_number, 300U);
  send = sends.attribute(7, Point::tx_hardware, epoch + 4'000 * second);
  ASSERT_NE(send, nullptr);
  EXPECT_EQ(send->reply_number, 100U);
}

class ReflectorHardware : public ReflectorEntries {
 protected:
  void begin(StampSampling sampling) {
    start({.available = nic_,
           .stamp_hardware = true,
           .stamp_sampling = sampling,
           .nic_converted = true});
    // The NIC's clock is 37 s ahead.
    reflector_->on_nic_clock({epoch - second + 37 * second, epoch - second, 50});
    reflector_->on_nic_clock({epoch + 37 * second, epoch, 50});
  }
  Sent received(std::uint32_t sequence, std::int64_t nic_ns, std::int64_t later_ns = 0) {
    const Bytes octets = netobs_request(sequence, nic_, 1);
    const auto one = offer(RxDatagram{.payload = octets,
                                      .peer = peer_a,
                                      .local = probed,
                                      .app_rx_ns = epoch + later_ns,
                                      .rx_software_ns = epoch + later_ns - 5,
                                      .rx_hardware_ns = nic_ns,
                                      .ttl = 64,
                                      .truncated = false},
                           at_ms(0));
    EXPECT_TRUE(one.has_value());
    return one.value_or(Sent{});
  }
  wire::NetobsEntry entry_after(std::uint32_t sequence, int ms) {
    const auto reply = netobs(probe(sequence, nic_, at_ms(ms), 1));
    EXPECT_GE(reply.entry_count, 1U);
    return reply.entry_slots[0];
  }

  PointSet nic_ = set_of({Point::app_tx, Point::tx_hardware, Point::rx_hardware, Point::app_rx});
};

TEST_F(ReflectorHardware, TimesAreReportedOnTheHostsClockWithTheirBound) {
  begin({1});
  const auto one = received(0, epoch + 37 * second - 400);
  EXPECT_TRUE(one.reply.hardware_stamp);
  reflector_->on_tx_timestamp(one.reply.timestamp_id, Point::tx_hardware,
                              epoch + 37 * second + 1'500);
  const auto entry = entry_after(1, 0);
  EXPECT_EQ(entry.points, nic_);
  EXPECT_EQ(entry.ns[index(Point::rx_hardware)], epoch - 400);
  EXPECT_EQ(entry.ns[index(Point::tx_hardware)], epoch + 1'500);
  EXPECT_EQ(entry.nic_bound_ns, 52);  // 51: the look's 50, and what 400 ns of drift may add
}

TEST_F(ReflectorHardware, AReplyOutsideTheSampleWaitsForNoTimestamp) {
  begin({2});
  const auto one = received(0, epoch + 37 * second - 400);
  reflector_->on_tx_timestamp(one.reply.timestamp_id, Point::tx_hardware,
                              epoch + 37 * second + 1'500);
  const auto two = received(1, epoch + 37 * second - 300);
  EXPECT_FALSE(two.reply.hardware_stamp);
  const auto entry = entry_after(2, 0);
  EXPECT_EQ(entry.sender_sequence, 1U);
  EXPECT_TRUE(entry.tx_hardware_unasked);
  EXPECT_TRUE(entry.points.has(Point::rx_hardware));
}

TEST_F(ReflectorHardware, AStrangersSessionTakesNoPlaceForATimestamp) {
  begin({});  // one at a time
  EXPECT_FALSE(sent(request(0), peer_b).reply.hardware_stamp);
  EXPECT_TRUE(received(0, epoch + 37 * second - 400).reply.hardware_stamp);
}

TEST_F(ReflectorHardware, TheTimeOfThePacketBeforeIsReportedAsImpossible) {
  begin({1});
  (void)received(0, epoch + 37 * second - 400);
  (void)received(1, epoch + 37 * second - 400, 30'000);
  EXPECT_EQ(reflector_->counters().impossible_hardware, 1U);
  const auto first = entry_after(2, 30);
  EXPECT_FALSE(first.hardware_impossible);
  const auto second_entry = entry_after(3, 30);
  EXPECT_EQ(second_entry.sender_sequence, 1U);
  EXPECT_TRUE(second_entry.hardware_impossible);
  EXPECT_FALSE(second_entry.points.has(Point::rx_hardware));
}

TEST_F(ReflectorHardware, DisguisedRepliesLookLikePtpEventMessages) {
  start({.first_sequence = 0x0002'0000});
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto one = sent(request(0x0002'0000 + i));
    EXPECT_EQ(one.octets[0], std::byte{0});
    EXPECT_EQ(one.octets[1], std::byte{2});
    EXPECT_EQ(one.reply.sequence, 0x0002'0000 + i);
  }
}

TEST(EntryRing, NumbersPassTwoToThe32) {
  const std::uint64_t first = 0xffffffff;
  EntryRing ring({.capacity = 4}, first);
  ring.set_wanted(app_only);
  EXPECT_EQ(ring.add(0xffffffff, 0xffffffff, at_ms(0)), first);
  EXPECT_EQ(ring.add(0, 0, at_ms(0)), first + 1);
  for (const std::uint64_t number : {first, first + 1}) {
    EXPECT_TRUE(ring.set(number, Point::app_rx, 1));
    EXPECT_TRUE(ring.set(number, Point::app_tx, 2));
  }
  Bytes value(100);
  wire::NetobsReplyWriter writer(value, {.available = app_only});
  ring.fill(writer, at_ms(0));
  const auto reply = wire::parse_netobs_reply(value);
  ASSERT_TRUE(reply.has_value());
  ASSERT_EQ(reply->entry_count, 2U);
  EXPECT_EQ(reply->entries()[0].reflector_sequence, 0xffffffffU);
  EXPECT_EQ(reply->entries()[1].reflector_sequence, 0U);
}

TEST(EntryRing, AnEntryTooLargeForTheRoomIsDroppedNotWaitedFor) {
  EntryRing ring({.capacity = 4}, 0);
  ring.set_wanted(app_only);
  ring.add(0, 0, at_ms(0));
  EXPECT_TRUE(ring.set(0, Point::app_rx, 0));
  EXPECT_TRUE(ring.set(0, Point::app_tx, 10 * second));  // wide: 4 octets more
  ring.add(1, 1, at_ms(0));
  EXPECT_TRUE(ring.set(1, Point::app_rx, 0));
  EXPECT_TRUE(ring.set(1, Point::app_tx, 10));
  Bytes value(wire::netobs_value_size(app_only, 1));
  wire::NetobsReplyWriter writer(value, {.available = app_only});
  ring.fill(writer, at_ms(0));
  const auto reply = wire::parse_netobs_reply(value);
  ASSERT_EQ(reply->entry_count, 1U);
  EXPECT_EQ(reply->entries()[0].sender_sequence, 1U);
  EXPECT_EQ(ring.dropped(), 1U);
}

TEST(RecentRing, FindsOldestFirstAndForgetsInOrder) {
  RecentRing<int> ring(4);
  int overwritten = 0;
  const auto gone = [&](int) { ++overwritten; };
  for (int i = 0; i < 4; ++i) ring.push(i % 2 == 0 ? 5U : 9U, i, gone);  // 5 and 9 share a bucket
  const auto any = [](int) { return true; };
  EXPECT_EQ(*ring.find(5, any), 0);
  EXPECT_EQ(*ring.find(9, any), 1);
  EXPECT_EQ(*ring.find(5, [](int value) { return value > 0; }), 2);
  EXPECT_EQ(ring.find(13, any), nullptr);
  ring.push(9, 4, gone);
  EXPECT_EQ(overwritten, 1);
  EXPECT_EQ(*ring.find(5, any), 2);
  EXPECT_EQ(ring.at(0), nullptr);
  EXPECT_EQ(*ring.at(4), 4);
}

}  // namespace
}  // namespace netobs
