// What every transport must do, whatever kernel features it finds.

#include <poll.h>

#include <atomic>
#include <thread>

#include "netns/transport/transport_fixture.hpp"

namespace netobs::test {
namespace {

TEST_P(TransportTest, EchoesWithEveryTimestampUnderTheRightId) {
  open_both();
  constexpr std::uint32_t count = 1000;
  constexpr std::uint32_t first_id = 0xffffff00;  // wraps on the way
  Log sent;
  Log reflected;
  std::map<std::uint32_t, std::int64_t> app_tx_ns;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t id = first_id + i;
    app_tx_ns[id] = os::realtime_now().ns;
    send(*sender_, id, small_bytes + i % 100);
    poll_until(*reflector_, reflected, [&] { return reflected.datagrams.size() > i; });
    ASSERT_EQ(reflected.datagrams.size(), i + 1);
    send(*reflector_, id, reflected.datagrams[i].payload.size(), &reflected.datagrams[i].meta);
    poll_until(*sender_, sent, [&] { return sent.datagrams.size() > i; });
    ASSERT_EQ(sent.datagrams.size(), i + 1);
    ASSERT_EQ(load_be<std::uint32_t>(sent.datagrams[i].payload, 0), id);
    ASSERT_EQ(sent.datagrams[i].payload.size(), small_bytes + i % 100);
    ASSERT_EQ(sent.datagrams[i].meta.peer, reflector_address(port));
    ASSERT_FALSE(sent.datagrams[i].meta.truncated);
  }
  poll_until(*sender_, sent, [&] { return sent.tx_timestamp_count >= tx_points() * count; });
  poll_until(*reflector_, reflected,
             [&] { return reflected.tx_timestamp_count >= tx_points() * count; });
  EXPECT_EQ(sent.tx_timestamp_count, tx_points() * count);
  EXPECT_EQ(reflected.tx_timestamp_count, tx_points() * count);
  EXPECT_TRUE(sent.failures.empty());
  for (std::uint32_t i = 0; i < count; ++i) {
    auto& points = sent.tx_timestamps[first_id + i];
    ASSERT_EQ(points.size(), tx_points()) << i;
    EXPECT_LE(app_tx_ns[first_id + i], points[first_tx_point()]);
    const auto& request = reflected.datagrams[i].meta;
    // The first ones may come before the kernel has switched receive timestamps on.
    if (!seen_ns(request)) continue;
    EXPECT_LE(app_tx_ns[first_id + i], *seen_ns(request));
    EXPECT_LE(*seen_ns(request), request.app_rx_ns);
    if (bypasses_stack()) continue;  // a completion is not ordered against what the peer takes
    EXPECT_LE(points[Point::tx_sched], points[Point::tx_software]);
    EXPECT_LE(points[Point::tx_sched], *request.rx_software_ns);
  }
  // The kernel waits for every CPU before it takes the first one.
  std::uint32_t id = first_id + count;
  poll_until(*reflector_, reflected, [&] {
    if (seen_ns(reflected.datagrams.back().meta)) return true;
    send(*sender_, id++);
    return false;
  });
  EXPECT_TRUE(seen_ns(reflected.datagrams.back().meta).has_value());
  EXPECT_EQ(sender_->losses().error_queue_malformed, 0U);
  EXPECT_EQ(sender_->losses().control_truncated, 0U);
}

TEST_P(TransportTest, TellsTtlAndAnswersFromTheAddressThatWasAsked) {
  const std::string second = v6() ? "fd00:6e6f::9/64" : "198.18.0.9/32";
  if (v6()) {
    ip(false, {"addr", "add", second, "dev", "vb0", "nodad"});
  } else {
    ip(false, {"addr", "add", second, "dev", "vb0"});
    ip(true, {"route", "add", "198.18.0.9", "dev", "va0"});
  }
  TransportOptions wildcard = options();
  wildcard.local.port = port;  // any address of both IP versions
  auto reflector = make_reflector(wildcard);
  ASSERT_TRUE(reflector.has_value()) << reflector.error().message();
  Endpoint asked = reflector_address(port);
  asked.address[15] = 9;
  TransportOptions connected = options();
  connected.remote = asked;
  auto sender = make_sender(connected);
  ASSERT_TRUE(sender.has_value()) << sender.error().message();

  Log reflected;
  send(**sender, 7);
  poll_until(**reflector, reflected, [&] { return !reflected.datagrams.empty(); });
  ASSERT_EQ(reflected.datagrams.size(), 1U);
  const RxDatagram& request = reflected.datagrams[0].meta;
  EXPECT_EQ(request.ttl, 255);
  Endpoint asked_address = asked;
  asked_address.port = 0;
  EXPECT_EQ(request.local, asked_address);
  EXPECT_EQ(request.peer.address, sender_address(0).address);

  // The sender is connected: an answer from another address would not reach it.
  Log answered;
  send(**reflector, 8, small_bytes, &request);
  poll_until(**sender, answered, [&] { return !answered.datagrams.empty(); });
  ASSERT_EQ(answered.datagrams.size(), 1U);
  EXPECT_EQ(answered.datagrams[0].meta.peer, asked);
  EXPECT_EQ(answered.datagrams[0].meta.ttl, 255);
}

TEST_P(TransportTest, FlagsTruncatedDatagrams) {
  TransportOptions small = options();
  small.local = reflector_address(port);
  small.max_datagram_bytes = 100;
  auto reflector = make_reflector(small);
  ASSERT_TRUE(reflector.has_value()) << reflector.error().message();
  TransportOptions connected = options();
  connected.remote = reflector_address(port);
  auto sender = make_sender(connected);
  ASSERT_TRUE(sender.has_value());
  Log log;
  send(**sender, 1, 100);
  send(**sender, 2, 101);
  send(**sender, 3, 1400);
  poll_until(**reflector, log, [&] { return log.datagrams.size() >= 3; });
  ASSERT_EQ(log.datagrams.size(), 3U);
  EXPECT_FALSE(log.datagrams[0].meta.truncated);
  EXPECT_TRUE(log.datagrams[1].meta.truncated);
  EXPECT_TRUE(log.datagrams[2].meta.truncated);
  EXPECT_EQ(log.datagrams[2].payload.size(), 100U);
}

TEST_P(TransportTest, ReceivesWithNothingBesideTheData) {
  open_both();
  TransportOptions bare;
  bare.remote = reflector_address(port);
  bare.receive_ttl = false;
  bare.max_datagram_bytes = 100;
  bare.features = GetParam().features;
  bare.af_xdp.mode = GetParam().mode;
  sender_.reset();  // an interface has room for one XDP program
  auto sender = make_sender(bare);
  ASSERT_TRUE(sender.has_value()) << sender.error().message();
  Log asked;
  Log answered;
  send(**sender, 5);
  poll_until(*reflector_, asked, [&] { return !asked.datagrams.empty(); });
  ASSERT_EQ(asked.datagrams.size(), 1U);
  send(*reflector_, 6, 64, &asked.datagrams[0].meta);
  send(*reflector_, 7, 101, &asked.datagrams[0].meta);
  poll_until(**sender, answered, [&] { return answered.datagrams.size() >= 2; });
  ASSERT_EQ(answered.datagrams.size(), 2U);
  EXPECT_EQ(answered.datagrams[0].payload.size(), 64U);
  EXPECT_EQ(answered.datagrams[0].meta.peer, reflector_address(port));
  EXPECT_EQ(answered.datagrams[0].meta.ttl, 0);
  EXPECT_FALSE(answered.datagrams[0].meta.truncated);
  EXPECT_EQ(answered.datagrams[1].payload.size(), 100U);
  EXPECT_TRUE(answered.datagrams[1].meta.truncated);
}

TEST_P(TransportTest, ReportsAClosedPortAndGoesOn) {
  TransportOptions connected = options();
  connected.remote = reflector_address(port);
  auto sender = make_sender(connected);
  ASSERT_TRUE(sender.has_value()) << sender.error().message();
  Log log;
  for (std::uint32_t id = 40; id < 45; ++id) {
    send(**sender, id);
    poll_until(**sender, log, [&] { return log.failed_ids().contains(id); });
  }
  EXPECT_EQ(log.failed_ids(), (std::set<std::uint32_t>{40, 41, 42, 43, 44}));
  EXPECT_EQ(log.failures.size(), 5U);
  for (const auto& failure : log.failures) EXPECT_EQ(failure.sys_errno, ECONNREFUSED);

  TransportOptions bound = options();
  bound.local = reflector_address(port);
  auto reflector = make_reflector(bound);
  ASSERT_TRUE(reflector.has_value()) << reflector.error().message();
  Log reflected;
  send(**sender, 45);
  poll_until(**reflector, reflected, [&] { return !reflected.datagrams.empty(); });
  ASSERT_EQ(reflected.datagrams.size(), 1U);
  EXPECT_EQ(load_be<std::uint32_t>(reflected.datagrams[0].payload, 0), 45U);
}

TEST_P(TransportTest, OneDeadPeerDoesNotCostAnotherItsDatagram) {
  TransportOptions bound = options();
  bound.local = reflector_address(port);
  auto reflector = make_reflector(bound);
  ASSERT_TRUE(reflector.has_value()) << reflector.error().message();
  TransportOptions alive_options = options();
  alive_options.local = sender_address(port);
  auto alive = make_sender(alive_options);
  ASSERT_TRUE(alive.has_value()) << alive.error().message();
  RxDatagram dead_peer;
  dead_peer.peer = sender_address(9999);
  RxDatagram alive_peer;
  alive_peer.peer = sender_address(port);
  constexpr std::uint32_t rounds = 50;
  for (std::uint32_t i = 0; i < rounds; ++i) {
    send(**reflector, 1000 + i, small_bytes, &dead_peer);  // its ICMP error is pending at once
    send(**reflector, i, small_bytes, &alive_peer);
  }
  Log log;
  poll_until(**alive, log, [&] { return log.datagrams.size() >= rounds; });
  EXPECT_EQ(log.datagrams.size(), rounds);
  Log failed;
  poll_until(**reflector, failed,
             [&] { return failed.tx_timestamp_count >= 2 * tx_points() * rounds; });
  EXPECT_EQ(failed.tx_timestamp_count, 2 * tx_points() * rounds);
  for (const auto& failure : failed.failures) {
    EXPECT_EQ(failure.sys_errno, ECONNREFUSED);
    ASSERT_TRUE(failure.id.has_value());
    EXPECT_GE(*failure.id, 1000U);
  }
  EXPECT_GE(failed.failures.size(), 1U);  // the far host limits its ICMP rate
}

TEST_P(TransportTest, RefusedSendsKeepTheirIdsAndShiftNoOther) {
  TransportOptions large = options();
  large.remote = reflector_address(port);
  large.max_datagram_bytes = 4000;
  auto sender = make_sender(large);
  ASSERT_TRUE(sender.has_value()) << sender.error().message();
  TransportOptions bound = options();
  bound.local = reflector_address(port);
  auto reflector = make_reflector(bound);
  ASSERT_TRUE(reflector.has_value());
  std::set<std::uint32_t> refused;
  std::set<std::uint32_t> taken;
  Log log;
  for (std::uint32_t base = 0; base < 320; base += 16) {
    const auto slots = (*sender)->acquire(16);
    ASSERT_EQ(slots.size(), 16U);
    for (std::uint32_t i = 0; i < 16; ++i) {
      const bool oversized = i % 3 == 1;  // beyond the MTU, with DF
      slots[i]->size = oversized ? 3000 : small_bytes;
      slots[i]->timestamp_id = base + i;
      store_be<std::uint32_t>(slots[i]->buffer, 0, base + i);
      (oversized ? refused : taken).insert(base + i);
    }
    (*sender)->submit(16);
    poll_now(**sender, log);
  }
  poll_until(**sender, log, [&] { return log.tx_timestamp_count >= tx_points() * taken.size(); });
  EXPECT_EQ(log.failed_ids(), refused);
  EXPECT_EQ(log.failures.size(), refused.size());
  for (const auto& failure : log.failures) EXPECT_EQ(failure.sys_errno, EMSGSIZE);
  EXPECT_EQ(log.ids_with(first_tx_point()), taken);
  if (!bypasses_stack()) {
    EXPECT_EQ(log.ids_with(Point::tx_software), taken);
  }
}

TEST_P(TransportTest, DatagramsTheQdiscDropsAreReportedByTheirId) {
  if (bypasses_stack()) GTEST_SKIP() << "no qdisc on this path";
  open_both();
  warm_up();
  ip(true,
     {"qdisc", "add", "dev", "va0", "root", "tbf", "rate", "8mbit", "burst", "2000", "limit",
      "2000"},
     "tc");
  constexpr std::uint32_t count = 320;
  std::set<std::uint32_t> all;
  Log log;
  for (std::uint32_t base = 0; base < count; base += 32) {
    const auto slots = sender_->acquire(32);
    ASSERT_EQ(slots.size(), 32U);
    for (std::uint32_t i = 0; i < 32; ++i) {
      slots[i]->size = 500;
      slots[i]->timestamp_id = base + i;
      store_be<std::uint32_t>(slots[i]->buffer, 0, base + i);
      all.insert(base + i);
    }
    sender_->submit(32);
    poll_now(*sender_, log);
  }
  poll_until(*sender_, log, [&] {
    return log.ids_with(Point::tx_software).size() + log.failures.size() >= count;
  });
  EXPECT_GT(log.failures.size(), 0U);
  EXPECT_GT(log.ids_with(Point::tx_software).size(), 0U);
  for (const auto& failure : log.failures) EXPECT_EQ(failure.sys_errno, ENOBUFS);
  std::set<std::uint32_t> accounted = log.failed_ids();
  for (const std::uint32_t id : log.ids_with(Point::tx_software)) {
    EXPECT_FALSE(accounted.contains(id)) << id;
    accounted.insert(id);
  }
  EXPECT_EQ(accounted, all);
}

TEST_P(TransportTest, SurvivesItsInterfaceGoingDown) {
  open_both();
  Log log;
  ip(true, {"link", "set", "va0", "down"});
  for (std::uint32_t id = 0; id < 10; ++id) send(*sender_, id);
  poll_until(*sender_, log, [&] { return log.failures.size() >= 10; });
  EXPECT_EQ(log.failed_ids().size(), 10U);
  for (const auto& failure : log.failures) EXPECT_NE(failure.sys_errno, 0);

  ip(true, {"link", "set", "va0", "up"});
  // The kernel drops IPv6 addresses with the link.
  if (v6()) ip(true, {"addr", "add", "fd00:6e6f::1/64", "dev", "va0", "nodad"});
  Log reflected;
  std::uint32_t id = 100;
  poll_until(*reflector_, reflected, [&] {
    if (reflected.datagrams.empty()) send(*sender_, id++);
    return !reflected.datagrams.empty();
  });
  EXPECT_FALSE(reflected.datagrams.empty());
}

TEST_P(TransportTest, LeaksNoSlotOverManySends) {
  open_both();
  warm_up();
  constexpr std::uint32_t count = 100'000;
  constexpr std::uint32_t batch = 32;
  std::uint64_t received = 0;
  std::uint64_t tx_timestamps = 0;
  std::uint64_t failures = 0;
  int last_error = 0;
  const auto take = [&](Transport& transport) {
    const auto events = transport.poll(os::monotonic_now(), GetParam().wait);
    received += events.datagrams.size();
    tx_timestamps += events.tx_timestamps.size();
    failures += events.send_failures.size();
    if (!events.send_failures.empty()) last_error = events.send_failures.back().sys_errno;
    return !events.empty();
  };
  for (std::uint32_t base = 0; base < count; base += batch) {
    const auto slots = sender_->acquire(batch);
    ASSERT_EQ(slots.size(), batch);
    for (std::uint32_t i = 0; i < batch; ++i) {
      slots[i]->size = small_bytes;
      slots[i]->timestamp_id = base + i;
      store_be<std::uint32_t>(slots[i]->buffer, 0, base + i);
    }
    sender_->submit(batch);
    (void)take(*sender_);
    (void)take(*reflector_);
  }
  const MonotonicTime limit = os::monotonic_now() + std::chrono::seconds(10);
  while ((tx_timestamps < tx_points() * count || received < count) && os::monotonic_now() < limit) {
    const bool any = take(*sender_) | take(*reflector_);
    if (!any && received + reflector_->losses().receive_overflow >= count) break;
  }
  while (take(*sender_)) {
  }
  // Nothing but AF_XDP in copy mode meets a full driver (ENOBUFS), when the other end gets no CPU.
  if (!bypasses_stack() || last_error != ENOBUFS) {
    EXPECT_EQ(failures, 0U) << "the last one with errno " << last_error;
  }
  EXPECT_EQ(received + failures + reflector_->losses().receive_overflow, count);
  EXPECT_EQ(tx_timestamps, tx_points() * count);
  EXPECT_EQ(sender_->acquire(256).size(), 256U);
  sender_->submit(0);
}

TEST_P(TransportTest, PollWaitsUntilItsLimit) {
  open_both();
  const MonotonicTime until = os::monotonic_now() + std::chrono::milliseconds(20);
  EXPECT_TRUE(sender_->poll(until, GetParam().wait).empty());
  EXPECT_GE(os::monotonic_now(), until);
}

TEST_P(TransportTest, PollEndsWhenADatagramComes) {
  open_both();
  std::atomic<bool> about_to_poll = false;
  std::thread other([&] {
    about_to_poll.wait(false);
    send(*sender_, 77);
    sender_.reset();
  });
  about_to_poll = true;
  about_to_poll.notify_one();
  const MonotonicTime limit = os::monotonic_now() + std::chrono::seconds(10);
  const auto events = reflector_->poll(limit, GetParam().wait);
  EXPECT_EQ(events.datagrams.size(), 1U);
  EXPECT_LT(os::monotonic_now(), limit);
  other.join();
}

TEST_P(TransportTest, CountsTruncatedControlMessages) {
  if (bypasses_stack()) GTEST_SKIP() << "no control messages on this path";
  open_both();
  TransportOptions cramped = options();
  cramped.local = reflector_address(port + 1);
  cramped.control_bytes = 24;
  auto reflector = make_reflector(cramped);
  ASSERT_TRUE(reflector.has_value()) << reflector.error().message();
  TransportOptions connected = options();
  connected.remote = reflector_address(port + 1);
  auto sender = make_sender(connected);
  ASSERT_TRUE(sender.has_value());
  Log log;
  // The first ones may come before the kernel has switched receive timestamps on.
  std::uint32_t id = 0;
  poll_until(**reflector, log, [&] {
    if ((*reflector)->losses().control_truncated == 0) send(**sender, id++);
    return (*reflector)->losses().control_truncated != 0;
  });
  EXPECT_GE((*reflector)->losses().control_truncated, 1U);
  ASSERT_FALSE(log.datagrams.empty());
  EXPECT_FALSE(log.datagrams.back().meta.rx_software_ns.has_value());
}

TEST_P(TransportTest, DatagramsStayReadableWhileRepliesAreSent) {
  open_both();
  constexpr std::uint32_t count = 64;
  for (std::uint32_t id = 0; id < count; ++id) send(*sender_, id);
  std::uint32_t expected = 0;
  while (expected < count) {
    const auto events =
        reflector_->poll(os::monotonic_now() + std::chrono::seconds(5), GetParam().wait);
    ASSERT_FALSE(events.empty());
    for (const auto& datagram : events.datagrams) {
      ASSERT_EQ(load_be<std::uint32_t>(datagram.payload, 0), expected);
      send(*reflector_, expected, small_bytes, &datagram);
      ++expected;
    }
  }
  Log log;
  poll_until(*sender_, log, [&] { return log.datagrams.size() >= count; });
  EXPECT_EQ(log.datagrams.size(), count);
}

TEST_P(TransportTest, FreesItsPortWhenItGoes) {
  TransportOptions bound = options();
  bound.local = reflector_address(port);
  for (int i = 0; i < 5; ++i) {
    auto transport = make_reflector(bound);
    ASSERT_TRUE(transport.has_value()) << i << " " << transport.error().message();
    EXPECT_TRUE((*transport)
                    ->poll(os::monotonic_now() + std::chrono::milliseconds(1), GetParam().wait)
                    .empty());
  }
}

TEST_P(TransportTest, ErrorsSayCauseAndRemedy) {
  open_both();
  TransportOptions taken = options();
  taken.local = reflector_address(port);
  const auto in_use = make_reflector(taken);
  ASSERT_FALSE(in_use.has_value());
  EXPECT_EQ(in_use.error().sys_errno, EADDRINUSE);
  EXPECT_NE(in_use.error().remedy, "");

  const auto elsewhere = make_sender(taken);
  ASSERT_FALSE(elsewhere.has_value());
  EXPECT_EQ(elsewhere.error().sys_errno, EADDRNOTAVAIL);
  EXPECT_NE(elsewhere.error().cause, "");

  TransportOptions unknown = options();
  unknown.interface = "nosuch0";
  const auto no_interface = make_sender(unknown);
  ASSERT_FALSE(no_interface.has_value());
  EXPECT_EQ(no_interface.error().sys_errno, ENODEV);
  EXPECT_NE(no_interface.error().cause, "");
}

INSTANTIATE_TEST_SUITE_P(Every, TransportTest, ::testing::ValuesIn(all_cases()),
                         [](const auto& test) {
                           const TransportCase& c = test.param;
                           return c.transport + "_" + c.variant + (c.v6 ? "_v6" : "_v4") +
                                  (c.wait == WaitMode::spin ? "_spin" : "_block");
                         });

TEST(TransportTable, RefusesUnknownNamesAndOptionsOutOfRange) {
  const auto unknown = make_transport("carrier_pigeon", {});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().exit, ExitCode::usage);
  EXPECT_EQ(unknown.error().remedy, "Choose one of: auto, syscall, io_uring, af_xdp.");
  TransportOptions options;
  options.max_datagram_bytes = 9217;
  const auto too_large = make_transport("syscall", options);
  ASSERT_FALSE(too_large.has_value());
  EXPECT_EQ(too_large.error().what, "use max_datagram_bytes = 9217");
}

}  // namespace
}  // namespace netobs::test
