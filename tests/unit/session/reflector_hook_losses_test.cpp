// What a reflector says of hook events that were lost.
#include "core/session/reflector_entries.hpp"
#include "unit/session/reflector_fixture.hpp"

namespace netobs {
namespace {

using namespace reflector_test;
constexpr std::int64_t ms = 1'000'000;

class ReflectorHookLosses : public Fixture {
 protected:
  /// What a request of this number, 30 ms after the one before it, is told of request 0.
  wire::NetobsEntry entry_after_hold(std::uint32_t number) {
    const auto reply = netobs(probe(number, app_and_tc, at_ms(std::int64_t{30} * number), 8));
    for (const auto& entry : reply.entries()) {
      if (entry.sender_sequence == 0) return entry;
    }
    ADD_FAILURE() << "no entry of request 0";
    return {};
  }
};

TEST_F(ReflectorHookLosses, ALostPendingEventIsToldOfTheProbesOfItsTime) {
  start({.available = app_and_tc, .pending_hook_events = 4});
  (void)probe(99, app_and_tc);  // the session is known
  for (std::uint32_t i = 0; i < 6; ++i) {
    reflector_->on_hook_event(hook(Point::tc_ingress, i, epoch - 600 + 100 * i));
  }
  // 0 and 1 are lost, the second of them at epoch - 500.
  for (std::uint32_t i = 0; i < 6; ++i) {
    const Bytes octets = netobs_request(i, app_and_tc, 2);
    const RxDatagram datagram{.payload = octets,
                              .peer = peer_a,
                              .local = probed,
                              .app_rx_ns = epoch,
                              .rx_software_ns = epoch - 600 + 100 * i,
                              .rx_hardware_ns = std::nullopt,
                              .ttl = 64,
                              .truncated = false};
    ASSERT_TRUE(offer(datagram, at_ms(0)).has_value());
  }
  for (std::uint32_t i = 0; i < 7; ++i) {
    reflector_->on_hook_event(hook(Point::tc_egress, i, epoch + 2'000));
  }
  reflector_->events_drained();
  const auto reply = netobs(probe(6, app_and_tc, at_ms(0), 8));
  ASSERT_EQ(reply.entry_count, 7U);
  for (const auto& entry : reply.entries()) {
    if (entry.sender_sequence == 99) continue;
    EXPECT_EQ(entry.points.has(Point::tc_ingress), entry.sender_sequence >= 2);
    EXPECT_EQ(entry.hook_events_lost, entry.sender_sequence < 2) << entry.sender_sequence;
  }
}

TEST_F(ReflectorHookLosses, APendingEventThatIsLostConcernsItsSessionOnly) {
  start({.available = app_and_tc, .pending_hook_events = 4});
  (void)probe(0, app_and_tc);
  for (std::uint32_t i = 0; i < 8; ++i) {
    reflector_->on_hook_event(hook(Point::tc_ingress, 100 + i, epoch, peer_b));  // of a stranger
  }
  EXPECT_FALSE(entry_after_hold(1).hook_events_lost);
  for (std::uint32_t i = 0; i < 8; ++i) {
    reflector_->on_hook_event(hook(Point::tc_ingress, 100 + i, epoch));
  }
  EXPECT_TRUE(entry_after_hold(2).hook_events_lost);
}

TEST_F(ReflectorHookLosses, EventsOfAClockThatWasSetBackMarkNothing) {
  start({.available = app_and_tc, .pending_hook_events = 4});
  (void)probe(0, app_and_tc);
  for (std::uint32_t i = 0; i < 8; ++i) {
    reflector_->on_hook_event(hook(Point::tc_ingress, 100 + i, epoch + 3600 * second));
  }
  reflector_->on_clock_step();
  for (std::uint32_t i = 0; i < 4; ++i) {
    reflector_->on_hook_event(hook(Point::tc_ingress, 200 + i, epoch));
  }
  EXPECT_FALSE(entry_after_hold(1).hook_events_lost);
}

TEST_F(ReflectorHookLosses, LossesElsewhereAreToldOfWhatIsMissing) {
  start({.available = app_and_tc});
  (void)probe(0, app_and_tc);
  (void)probe(1, app_and_tc);
  (void)probe(2, app_and_tc);
  for (const auto point : {Point::tc_ingress, Point::tc_egress}) {
    reflector_->on_hook_event(hook(point, 1, epoch));
  }
  reflector_->on_hook_events_lost(epoch - 100, epoch);
  const auto reply = netobs(probe(3, app_and_tc, at_ms(30), 8));
  ASSERT_EQ(reply.entry_count, 3U);
  for (const auto& entry : reply.entries()) {
    EXPECT_EQ(entry.hook_events_lost, entry.sender_sequence != 1) << entry.sender_sequence;
  }
}

TEST_F(ReflectorHookLosses, WhatArrivesBeforeOrAfterIsNotMarked) {
  for (const auto away : {-50 * ms, 50 * ms}) {
    start({.available = app_and_tc});
    (void)probe(0, app_and_tc);
    reflector_->on_hook_events_lost(epoch + away - 10 * ms, epoch + away + 10 * ms);
    EXPECT_FALSE(entry_after_hold(1).hook_events_lost) << away;
  }
}

TEST_F(ReflectorHookLosses, TheLatestSpanCounts) {
  LossSpan span;
  EXPECT_FALSE(span.covers(0));
  span.add(0, 10 * ms);
  span.add(40 * ms, 41 * ms);
  EXPECT_TRUE(span.covers(20 * ms));
  span.add(second, second + ms);
  EXPECT_FALSE(span.covers(20 * ms));
  EXPECT_TRUE(span.covers(second));
  span.forget();
  EXPECT_FALSE(span.covers(second));
}

/// Every one of the last 128 has been taken, or is counted when its place is.
void push_out(Reflector& reflector) {
  for (std::uint32_t i = 0; i < 128; ++i) {
    reflector.on_hook_event(hook(Point::tc_ingress, i, epoch, Endpoint::v4({198, 19, 0, 1}, 5)));
  }
}

TEST_F(ReflectorHookLosses, EarlyEventsOfManySessionsFindTheirProbes) {
  start({.available = app_and_tc, .pending_hook_events = 128});
  for (std::uint8_t i = 0; i < 200; ++i) {
    const auto peer = Endpoint::v4({198, 18, 1, i}, 40'000);
    reflector_->on_hook_event(hook(Point::tc_ingress, 0, epoch, peer));
    (void)probe(0, app_and_tc, at_ms(0), 2, peer);
  }
  push_out(*reflector_);
  EXPECT_EQ(reflector_->counters().hook_events_unmatched, 0U);
}

TEST_F(ReflectorHookLosses, EarlyEventsOfOneNumberAgainAndAgainFindTheirProbes) {
  start({.available = app_and_tc, .pending_hook_events = 128});
  for (int i = 0; i < 400; ++i) {
    reflector_->on_hook_event(hook(Point::tc_ingress, 7, epoch));
    (void)probe(7, app_and_tc);
  }
  push_out(*reflector_);
  EXPECT_EQ(reflector_->counters().hook_events_unmatched, 0U);
}

}  // namespace
}  // namespace netobs
