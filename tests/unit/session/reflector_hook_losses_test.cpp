// What a reflector says of hook events that were lost.
#include "core/session/reflector_entries.hpp"
#include "unit/session/reflector_fixture.hpp"

namespace netobs {
namespace {

using namespace reflector_test;
using ReflectorHookLosses = Fixture;

TEST_F(ReflectorHookLosses, ALostPendingEventIsToldOfTheProbesOfItsTime) {
  start({.available = app_and_tc, .pending_hook_events = 4});
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
  for (std::uint32_t i = 0; i < 6; ++i) {
    reflector_->on_hook_event(hook(Point::tc_egress, i, epoch + 2'000));
  }
  reflector_->events_drained();
  const auto reply = netobs(probe(6, app_and_tc, at_ms(0), 8));
  ASSERT_EQ(reply.entry_count, 6U);
  for (std::uint32_t i = 0; i < 6; ++i) {
    const auto& entry = reply.entries()[i];
    EXPECT_EQ(entry.points.has(Point::tc_ingress), entry.sender_sequence >= 2) << i;
    EXPECT_EQ(entry.hook_events_lost, entry.sender_sequence < 2) << i;
  }
}

TEST_F(ReflectorHookLosses, LossesElsewhereAreToldOfWhatIsMissing) {
  start({.available = app_and_tc});
  (void)probe(0, app_and_tc);
  (void)probe(1, app_and_tc);
  (void)probe(2, app_and_tc);
  for (const auto point : {Point::tc_ingress, Point::tc_egress}) {
    reflector_->on_hook_event(hook(point, 1, epoch));
  }
  reflector_->on_hook_events_lost(epoch);
  const auto reply = netobs(probe(3, app_and_tc, at_ms(30), 8));
  ASSERT_EQ(reply.entry_count, 3U);
  for (const auto& entry : reply.entries()) {
    EXPECT_EQ(entry.hook_events_lost, entry.sender_sequence != 1) << entry.sender_sequence;
  }
}

TEST_F(ReflectorHookLosses, WhatArrivesAfterALossIsNotMarked) {
  start({.available = app_and_tc});
  reflector_->on_hook_events_lost(epoch - 1);
  (void)probe(0, app_and_tc);
  const auto later = netobs(probe(1, app_and_tc, at_ms(30), 8));
  ASSERT_EQ(later.entry_count, 1U);
  EXPECT_FALSE(later.entries()[0].hook_events_lost);
  reflector_->on_hook_events_lost(epoch);
  reflector_->on_clock_step();  // it compares with no time of the new clock
  const auto again = netobs(probe(2, app_and_tc, at_ms(60), 8));
  ASSERT_GE(again.entry_count, 1U);
  for (const auto& entry : again.entries()) EXPECT_FALSE(entry.hook_events_lost);
}

}  // namespace
}  // namespace netobs
