#include "core/session/sender.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/wire/follow_up.hpp"
#include "core/wire/time_format.hpp"
#include "core/wire/tlv.hpp"

namespace netobs {
namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t t1_ns = 1'700'000'000'000'000'000;
constexpr std::uint16_t ssid = 42;

SenderConfig config(ScheduleKind kind = ScheduleKind::isochronous) {
  SenderConfig c;
  c.schedule.kind = kind;
  c.schedule.period_ns = 1'000'000;
  c.count = 100;
  c.timeout = Duration(100 * ms);
  c.ssid = ssid;
  return c;
}

class SenderTest : public testing::Test {
 protected:
  void start(const SenderConfig& c) {
    auto made = Sender::make(c, queue_);
    ASSERT_TRUE(made.has_value());
    sender_.emplace(std::move(*made));
    mode_ = c.auth_key ? wire::Mode::authenticated : wire::Mode::unauthenticated;
    if (c.auth_key) hmac_.emplace(std::move(*wire::Hmac::make(*c.auth_key)));
    sender_->start({0});
  }

  Sender& sender() { return *sender_; }
  Sender::Action next(std::int64_t now_ns) { return sender_->next({now_ns}); }

  /// Writes the probe that is due; its bytes stay in probe_.
  TxSlot send(std::int64_t now_ns) {
    TxSlot slot;
    probe_.assign(512, std::byte{0});
    slot.buffer = probe_;
    sender_->prepare_probe(slot, {now_ns});
    sender_->stamp_probe(slot, {t1_ns + now_ns});
    sender_->submitted();
    probe_.resize(slot.size);
    return slot;
  }

  /// A reply to the given sequence, with the TLVs of the last probe as it has them.
  std::vector<std::byte> reply_to(std::uint32_t wire_sequence, std::uint32_t number = 0,
                                  std::uint16_t reply_ssid = ssid) {
    auto bytes = probe_;
    wire::encode_reflector(mode_,
                           {.sequence = number,
                            .t3 = wire::ntp_from_unix_ns(t1_ns + 600),
                            .error_estimate = {},
                            .ssid = reply_ssid,
                            .t2 = wire::ntp_from_unix_ns(t1_ns + 500),
                            .sender_sequence = wire_sequence,
                            .sender_t1 = 0,
                            .sender_error_estimate = std::uint16_t{0},
                            .sender_ttl = std::uint8_t{63}},
                           bytes);
    return bytes;
  }

  void receive(const std::vector<std::byte>& bytes, std::int64_t now_ns = 0) {
    RxDatagram datagram;
    datagram.payload = bytes;
    datagram.app_rx_ns = t1_ns + 900;
    datagram.ttl = 61;
    sender_->on_datagram(datagram, {now_ns});
  }

  static std::span<std::byte> value_of(std::vector<std::byte>& bytes, const wire::Tlv& tlv) {
    return std::span<std::byte>(bytes).subspan(44 + tlv.offset + 4, tlv.value.size());
  }

  /// What was observed since the last call.
  std::vector<Observation> observed() {
    std::vector<Observation> all(64);
    all.resize(queue_.pop(all));
    return all;
  }

  ObservationQueue queue_{64};
  std::optional<Sender> sender_;
  wire::Mode mode_ = wire::Mode::unauthenticated;
  std::optional<wire::Hmac> hmac_;
  std::vector<std::byte> probe_;
};

TEST_F(SenderTest, SendsOnScheduleAndSaysWhatItSent) {
  start(config());
  ASSERT_EQ(next(200).step, Sender::Step::send);
  const auto slot = send(200);
  EXPECT_EQ(slot.size, 44U);
  EXPECT_EQ(slot.timestamp_id, 0U);
  EXPECT_EQ(load_be<std::uint32_t>(probe_, 0), 0U);
  EXPECT_EQ(load_be<std::uint64_t>(probe_, 4), wire::ntp_from_unix_ns(t1_ns + 200));
  EXPECT_EQ(load_be<std::uint16_t>(probe_, 14), 42U);
  const auto seen = observed();
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].kind, Observation::Kind::sent);
  EXPECT_EQ(seen[0].value_ns, t1_ns + 200);
  EXPECT_EQ(seen[0].second, 200) << "sent 200 ns after it was due";
  EXPECT_EQ(seen[0].monotonic_ns, 200);
  const auto action = next(300);
  EXPECT_EQ(action.step, Sender::Step::wait);
  EXPECT_EQ(action.until.ns, ms);
}

TEST_F(SenderTest, AStallSendsOneLateProbeAndSkipsTheRest) {
  start(config());
  (void)next(0);
  (void)send(0);
  ASSERT_EQ(next(10'500'000).step, Sender::Step::send);  // due at 1 ms
  (void)send(10'500'000);
  EXPECT_EQ(sender().counters().skipped, 0U);
  ASSERT_EQ(next(10'500'000).step, Sender::Step::send);  // 2 to 9 ms are more than 1 ms ago
  EXPECT_EQ(sender().counters().skipped, 8U);
  (void)send(10'500'000);
  const auto seen = observed();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[1].second, 9'500'000);
  EXPECT_EQ(seen[2].second, 500'000);  // due at 10 ms
  EXPECT_EQ(next(10'500'000).until.ns, 11 * ms);
}

TEST_F(SenderTest, AStallBeyondTheEndSendsNothingAfterIt) {
  auto c = config();
  c.count = 0;
  c.duration = Duration(5 * ms);
  start(c);
  (void)next(0);
  (void)send(0);
  ASSERT_EQ(next(10'500'000).step, Sender::Step::send);  // due at 1 ms
  (void)send(10'500'000);
  EXPECT_NE(next(10'500'000).step,
            Sender::Step::send);  // 2, 3 and 4 ms are skipped, 5 ms is the end
  EXPECT_EQ(sender().counters().sent, 2U);
  EXPECT_EQ(sender().counters().skipped, 3U);
}

TEST_F(SenderTest, PingPongWaitsForTheReplyOrTheTimeout) {
  start(config(ScheduleKind::ping_pong));
  ASSERT_EQ(next(0).step, Sender::Step::send);
  (void)send(0);
  EXPECT_EQ(next(10).until.ns, 100 * ms);
  receive(reply_to(0), 20);
  ASSERT_EQ(next(30).step, Sender::Step::send);
  (void)send(30);
  EXPECT_EQ(next(100 * ms + 29).step, Sender::Step::wait);
  EXPECT_EQ(next(100 * ms + 30).step, Sender::Step::send) << "timed out";
}

TEST_F(SenderTest, PingPongGoesOnAfterASendFailure) {
  start(config(ScheduleKind::ping_pong));
  (void)next(0);
  (void)send(0);
  sender().on_send_failure({0U, 105});
  EXPECT_EQ(next(10).step, Sender::Step::send);
  const auto seen = observed();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[1].kind, Observation::Kind::send_failed);
  EXPECT_EQ(seen[1].second, 105);
  EXPECT_EQ(sender().counters().send_failures, 1U);
}

TEST_F(SenderTest, NumbersFromTheFirstSequenceOnAcrossTheWrap) {
  auto c = config();
  c.first_sequence = 0xffff'ffff;
  start(c);
  (void)next(0);
  EXPECT_EQ(send(0).timestamp_id, 0xffff'ffffU);
  (void)next(ms);
  EXPECT_EQ(send(ms).timestamp_id, 0U);
  (void)observed();
  receive(reply_to(0));
  receive(reply_to(0xffff'ffff));
  receive(reply_to(0xffff'fffe));  // one before the first
  receive(reply_to(1));            // one after the last
  const auto seen = observed();
  ASSERT_EQ(seen.size(), 6U);  // each with the two base timestamps
  EXPECT_EQ(seen[0].sequence, 1U);
  EXPECT_EQ(seen[3].sequence, 0U);
  EXPECT_EQ(sender().counters().unknown_sequence, 2U);
  EXPECT_EQ(sender().counters().replies, 2U);
}

TEST_F(SenderTest, CountsWhatIsNoReply) {
  start(config());
  (void)next(0);
  (void)send(0);
  (void)observed();
  auto bytes = reply_to(0);
  bytes.resize(27);
  receive(bytes);
  EXPECT_EQ(sender().counters().malformed, 1U);
  receive(reply_to(0, 0, 43));
  EXPECT_EQ(sender().counters().foreign, 1U);
  RxDatagram truncated;
  truncated.truncated = true;
  sender().on_datagram(truncated, {0});
  EXPECT_EQ(sender().counters().truncated, 1U);
  EXPECT_EQ(sender().counters().replies, 0U);
  EXPECT_TRUE(observed().empty());
}

TEST_F(SenderTest, TakesTheBaseTimestampsOfAForeignReflectorAndEveryDuplicate) {
  start(config());
  (void)next(0);
  (void)send(0);
  (void)observed();
  receive(reply_to(0, 5), 700);
  receive(reply_to(0, 6), 800);
  const auto seen = observed();
  ASSERT_EQ(seen.size(), 6U);
  EXPECT_EQ(seen[0].kind, Observation::Kind::reply);
  EXPECT_EQ(seen[0].value_ns, t1_ns + 900);
  EXPECT_EQ(seen[0].monotonic_ns, 700);
  EXPECT_EQ(seen[0].number, 5U);
  EXPECT_EQ(seen[0].ttl, 61);
  EXPECT_EQ(seen[0].peer_ttl, 63);
  EXPECT_EQ(seen[1].slot, slot(Host::reflector, Point::app_rx));
  EXPECT_EQ(seen[1].value_ns, t1_ns + 500);
  EXPECT_EQ(seen[2].slot, slot(Host::reflector, Point::app_tx));
  EXPECT_EQ(seen[2].value_ns, t1_ns + 600);
  EXPECT_EQ(seen[3].number, 6U);
  EXPECT_EQ(sender().counters().replies, 2U);
  EXPECT_TRUE(sender().reflector().stateful) << "5 is not the number of the probe";
}

TEST_F(SenderTest, FollowUpTelemetryGivesTheDriversTimeOnceAndNeverT3) {
  auto c = config();
  c.multi_layer = false;
  c.size_bytes = 44 + 20;
  start(c);
  (void)next(0);
  (void)send(0);
  const auto about = [&](std::int64_t ns) {
    auto bytes = reply_to(0, 7);
    bytes[44] = std::byte{0};  // understood
    wire::write_follow_up(std::span(bytes).subspan(48),
                          {7, wire::ntp_from_unix_ns(ns), wire::TimestampMethod::software_local});
    return bytes;
  };
  const auto driver_times = [&] {
    std::vector<std::int64_t> times;
    for (const auto& o : observed()) {
      const bool driver = o.slot == slot(Host::reflector, Point::tx_software);
      if (o.kind == Observation::Kind::timestamp && driver) times.push_back(o.value_ns);
    }
    return times;
  };
  receive(reply_to(0, 7));  // T3 is t1 + 600
  receive(about(t1_ns + 600));
  EXPECT_TRUE(driver_times().empty());
  receive(about(t1_ns + 650));
  EXPECT_EQ(driver_times(), (std::vector<std::int64_t>{t1_ns + 650}));
}

TEST_F(SenderTest, TakesReportsWithTheReflectorsNumbers) {
  auto c = config();
  c.reflector_points = points_of(Layer::app);
  c.size_bytes = probe_size_for(wire::Mode::unauthenticated, c.reflector_points, 1);
  start(c);
  (void)next(0);
  (void)send(0);
  (void)next(ms);
  (void)send(ms);
  (void)observed();
  auto bytes = reply_to(1, 1);
  wire::TlvWalk walk(std::span<const std::byte>(bytes).subspan(44));
  while (const auto tlv = walk.next()) {
    if (tlv->type != wire::TlvType::netobs) continue;
    bytes[44 + tlv->offset] = std::byte{0};
    wire::NetobsEntry entry;
    entry.reflector_sequence = 9;
    entry.sender_sequence = 0;
    entry.points = points_of(Layer::app);
    entry.ns[index(Point::app_rx)] = 1'111;
    entry.ns[index(Point::app_tx)] = 2'222;
    wire::NetobsReplyWriter writer(value_of(bytes, *tlv),
                                   {.available = entry.points, .clock_identity = 77, .dropped = 3});
    ASSERT_TRUE(writer.add(entry));
  }
  receive(bytes);
  const auto seen = observed();
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_EQ(seen[0].sequence, 0U);
  EXPECT_EQ(seen[0].slot, slot(Host::reflector, Point::app_tx));
  EXPECT_EQ(seen[0].value_ns, 2'222);
  EXPECT_EQ(seen[1].value_ns, 1'111);
  EXPECT_EQ(seen[2].kind, Observation::Kind::reflector_report);
  EXPECT_EQ(seen[2].sequence, 0U);
  EXPECT_EQ(seen[2].number, 9U);
  EXPECT_EQ(seen[3].kind, Observation::Kind::reply);
  EXPECT_EQ(seen[3].sequence, 1U);
  EXPECT_TRUE(sender().reflector().multi_layer);
  EXPECT_EQ(sender().reflector().clock_identity, 77U);
  EXPECT_EQ(sender().reflector().dropped, 3U);
}

TEST_F(SenderTest, AuthenticatedRepliesNeedTheKey) {
  auto c = config();
  c.auth_key.emplace(16, std::byte{7});
  c.size_bytes = 112;
  start(c);
  (void)next(0);
  EXPECT_EQ(send(0).size, 112U);
  EXPECT_TRUE(wire::decode_sender(mode_, probe_, &*hmac_).has_value());
  auto bytes = reply_to(0);
  receive(bytes);
  EXPECT_EQ(sender().counters().bad_hmac, 1U);
  wire::seal(bytes, *hmac_);
  receive(bytes);
  EXPECT_EQ(sender().counters().replies, 1U);
  bytes[50] ^= std::byte{1};
  receive(bytes);
  EXPECT_EQ(sender().counters().bad_hmac, 2U);
}

TEST_F(SenderTest, RefusesAProbeShorterThanItsBase) {
  auto c = config();
  c.size_bytes = 43;
  const auto made = Sender::make(c, queue_);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().exit, ExitCode::usage);
}

TEST_F(SenderTest, FilesTimestampsByTheirIdAndHookEventsByThePacket) {
  auto c = config();
  c.first_sequence = 1000;
  start(c);
  (void)next(0);
  (void)send(0);
  (void)observed();
  sender().on_tx_timestamp({1000, Point::tx_software, 111});
  sender().on_tx_timestamp({1001, Point::tx_software, 112});  // never sent
  HookEvent event;
  event.ns = 222;
  event.sequence = 1000;
  event.ssid = ssid;
  event.point = Point::tc_egress;
  sender().on_hook_event(event);
  event.ssid = ssid + 1;
  sender().on_hook_event(event);  // another session's
  event.ns = 333;
  event.ssid = 0;  // a reflector without RFC 8972
  event.sequence = 5;
  event.sender_sequence = 1000;
  event.point = Point::tc_ingress;
  sender().on_hook_event(event);
  const auto seen = observed();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].value_ns, 111);
  EXPECT_EQ(seen[1].value_ns, 222);
  EXPECT_EQ(seen[1].slot, slot(Host::sender, Point::tc_egress));
  EXPECT_EQ(seen[2].value_ns, 333);
  EXPECT_EQ(seen[2].slot, slot(Host::sender, Point::tc_ingress));
}

TEST_F(SenderTest, StopEndsTheSendingAndStillAwaitsWhatIsUnderWay) {
  start(config());
  (void)next(0);
  (void)send(0);
  sender().stop({10});
  EXPECT_FALSE(sender().sending());
  const auto waiting = next(2 * ms);
  EXPECT_EQ(waiting.step, Sender::Step::wait);
  EXPECT_EQ(waiting.until.ns, 100 * ms) << "the timeout of the last probe";
  receive(reply_to(0), 3 * ms);
  // A foreign reflector has no reports: only timestamps may still come, for 50 ms.
  EXPECT_EQ(next(3 * ms).until.ns, 50 * ms);
  EXPECT_EQ(next(50 * ms).step, Sender::Step::done);
}

TEST_F(SenderTest, ClosedRecordsEndTheDrain) {
  auto c = config();
  c.count = 1;
  start(c);
  (void)next(0);
  (void)send(0);
  EXPECT_EQ(next(ms).step, Sender::Step::wait);
  sender().set_closed_records(1);
  EXPECT_EQ(next(ms).step, Sender::Step::done);
}

TEST_F(SenderTest, DrainProbesFetchTheLastReportsAndAreNotCounted) {
  auto c = config();
  c.count = 1;
  c.max_drain_probes = 2;
  c.reflector_points = points_of(Layer::app);
  c.size_bytes = probe_size_for(wire::Mode::unauthenticated, c.reflector_points, 1);
  start(c);
  (void)next(0);
  (void)send(0);
  const auto answer = [&](std::uint32_t sequence) {
    auto bytes = reply_to(sequence, sequence);
    wire::TlvWalk walk(std::span<const std::byte>(bytes).subspan(44));
    while (const auto tlv = walk.next()) {
      if (tlv->type != wire::TlvType::netobs) continue;
      bytes[44 + tlv->offset] = std::byte{0};
      const wire::NetobsReplyWriter writer(
          value_of(bytes, *tlv), {.available = points_of(Layer::app), .clock_identity = 77});
    }
    return bytes;
  };
  receive(answer(0), ms);
  (void)observed();
  ASSERT_EQ(next(2 * ms).step, Sender::Step::send);
  EXPECT_EQ(send(2 * ms).timestamp_id, 1U);
  EXPECT_EQ(next(3 * ms).until.ns, 4 * ms) << "the drain's interval is 2 ms";
  ASSERT_EQ(next(4 * ms).step, Sender::Step::send);
  (void)send(4 * ms);
  EXPECT_TRUE(observed().empty()) << "not part of the measurement";
  EXPECT_EQ(next(5 * ms).until.ns, 104 * ms) << "unanswered: their timeout";
  receive(answer(1), 5 * ms);
  receive(answer(2), 5 * ms);
  const auto seen = observed();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].kind, Observation::Kind::drain_reply);
  EXPECT_EQ(seen[0].number, 1U);
  EXPECT_EQ(sender().counters().sent, 1U);
  EXPECT_EQ(sender().counters().replies, 1U);
  EXPECT_EQ(next(5 * ms).until.ns, 54 * ms) << "answered: only timestamps may still come";
  EXPECT_EQ(next(54 * ms).step, Sender::Step::done);
}

// A reflector that waits for a point which does not come tells nothing before it gives up.
TEST_F(SenderTest, AWarmUpWaitsForTheFirstReport) {
  for (const bool measured : {true, false}) {
    auto c = config();
    c.count = 1;
    c.max_drain_probes = 1;
    c.measured = measured;
    c.reflector_points = points_of(Layer::app);
    c.size_bytes = probe_size_for(wire::Mode::unauthenticated, c.reflector_points, 1);
    start(c);
    (void)next(0);
    (void)send(0);
    auto bytes = reply_to(0, 0);
    wire::TlvWalk walk(std::span<const std::byte>(bytes).subspan(44));
    while (const auto tlv = walk.next()) {
      if (tlv->type != wire::TlvType::netobs) continue;
      bytes[44 + tlv->offset] = std::byte{0};
      const wire::NetobsReplyWriter writer(value_of(bytes, *tlv),
                                           {.available = points_of(Layer::app)});
    }
    receive(bytes, ms);
    ASSERT_EQ(next(2 * ms).step, Sender::Step::send);
    (void)send(2 * ms);
    ASSERT_EQ(next(40 * ms).step, measured ? Sender::Step::wait : Sender::Step::send);
  }
}

}  // namespace
}  // namespace netobs
