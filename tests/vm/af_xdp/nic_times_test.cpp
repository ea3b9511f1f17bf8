// The NIC's times on AF_XDP, between two NICs that stamp every frame (tests/vm/hwtsim). Runs inside
// the virtual machine, in the namespaces that guest/af_xdp.py has made.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/fd.hpp"
#include "linux/os/netns.hpp"
#include "linux/transport/udp_transport.hpp"
#include "netns/transport/transport_fixture.hpp"

namespace netobs::test {
namespace {

constexpr std::uint16_t reflector_port = 8620;
constexpr std::size_t datagram_bytes = 64;
/// Farther apart than these, a time is not of that clock; the machine may be slow.
constexpr std::int64_t near_ns = 2'000'000'000;

/// One end: where it is, and how far its NIC's clock is ahead of CLOCK_REALTIME.
struct End {
  std::string namespace_name;
  std::int64_t clock_ahead_ns = 0;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

End end_of(const char* host) {
  End end;
  end.namespace_name = environment(host);
  const auto ahead = environment((std::string(host) + "_AHEAD_NS").c_str());
  (void)std::from_chars(ahead.data(), ahead.data() + ahead.size(), end.clock_ahead_ns);
  return end;
}

/// A parameter of the NICs, for the time of a scope: the sender's value, the reflector's.
class Fault {
 public:
  Fault(const std::string& name, const std::string& values)
      : path_("/sys/module/hwtsim/parameters/" + name) {
    std::ifstream(path_) >> before_;
    std::ofstream(path_) << values;
  }
  ~Fault() { std::ofstream(path_) << before_; }
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;

 private:
  std::string path_;
  std::string before_;
};

struct NicCase {
  std::string_view name;
  AfXdpMode mode;
  WaitMode wait;
};

void PrintTo(const NicCase& value, std::ostream* out) {
  *out << value.name;
}

class NicTimes : public ::testing::TestWithParam<NicCase> {
 protected:
  void SetUp() override {
    if (sender_end_.namespace_name.empty()) {
      GTEST_SKIP() << "needs two NICs with clocks; tools/vm af_xdp";
    }
  }

  [[nodiscard]] bool zero_copy() const { return GetParam().mode == AfXdpMode::zero_copy; }

  [[nodiscard]] std::unique_ptr<LinuxTransport> open(const End& end,
                                                     const TransportOptions& options) {
    auto home = os::NetworkNamespace::current();
    EXPECT_TRUE(home.has_value());
    const os::Fd there(::open(("/run/netns/" + end.namespace_name).c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::setns(there.get(), CLONE_NEWNET), 0);
    auto transport = make_transport("af_xdp", options);
    EXPECT_TRUE(home->enter().has_value());
    if (transport) return std::move(*transport);
    ADD_FAILURE() << transport.error().message();
    return nullptr;
  }

  void open_both(PointSet points = points_of(Layer::nic) | points_of(Layer::xdp)) {
    TransportOptions options;
    options.points = points;
    options.af_xdp.mode = GetParam().mode;
    options.local = Endpoint::v4({198, 18, 7, 2}, reflector_port);
    reflector_ = open(reflector_end_, options);
    options.local = {};
    options.remote = Endpoint::v4({198, 18, 7, 2}, reflector_port);
    sender_ = open(sender_end_, options);
    ASSERT_TRUE(sender_ != nullptr && reflector_ != nullptr);
  }

  template <class Done>
  void poll_until(Transport& transport, Log& log, const Done& done) {
    const MonotonicTime limit = os::monotonic_now() + std::chrono::seconds(10);
    while (!done() && os::monotonic_now() < limit) {
      log.add(transport.poll(os::monotonic_now() + std::chrono::milliseconds(50), GetParam().wait));
    }
  }

  /// `count` datagrams with the ids from 0 on, as fast as the frames come back; the stamp is asked
  /// for where wants(id).
  template <class Wants>
  void send_all(std::uint32_t count, const Wants& wants) {
    const MonotonicTime limit = os::monotonic_now() + std::chrono::seconds(10);
    for (std::uint32_t next = 0; next < count && os::monotonic_now() < limit;) {
      const auto slots = sender_->acquire(count - next);
      for (TxSlot* slot : slots) {
        fill(*slot, next);
        slot->hardware_stamp = wants(next++);
      }
      sender_->submit(slots.size());
      sent_.add(sender_->poll(os::monotonic_now(), GetParam().wait));
      // No more under way than there is room for.
      poll_until(*reflector_, reflected_, [&] { return reflected_.datagrams.size() >= next; });
    }
    poll_until(*sender_, sent_,
               [&] { return sent_.ids_with(Point::tx_completion).size() >= count; });
    ASSERT_EQ(sent_.ids_with(Point::tx_completion).size(), count);
    ASSERT_EQ(reflected_.datagrams.size(), count);
    EXPECT_TRUE(sent_.failures.empty());
  }

  static void fill(TxSlot& slot, std::uint32_t id) {
    slot.size = datagram_bytes;
    slot.timestamp_id = id;
    store_be<std::uint32_t>(slot.buffer, 0, id);
  }

  static void send(Transport& transport, std::uint32_t id, const RxDatagram& reply_to) {
    const auto slots = transport.acquire(1);
    ASSERT_EQ(slots.size(), 1U);
    fill(*slots[0], id);
    slots[0]->peer = reply_to.peer;
    slots[0]->local = reply_to.local;
    transport.submit(1);
  }

  /// One datagram there and back.
  void echo(std::uint32_t id) {
    send(*sender_, id, {});
    poll_until(*reflector_, reflected_, [&] { return reflected_.datagrams.size() > id; });
    ASSERT_EQ(reflected_.datagrams.size(), id + 1);
    send(*reflector_, id, reflected_.datagrams[id].meta);
    poll_until(*sender_, sent_, [&] { return sent_.datagrams.size() > id; });
    ASSERT_EQ(sent_.datagrams.size(), id + 1);
  }

  static void expect_by_clock_of(const End& end, std::int64_t nic_ns, std::int64_t realtime_ns) {
    EXPECT_LT(std::abs(nic_ns - end.clock_ahead_ns - realtime_ns), near_ns) << end.namespace_name;
  }

  End sender_end_ = end_of("NETOBS_VM_A");
  End reflector_end_ = end_of("NETOBS_VM_B");
  std::unique_ptr<LinuxTransport> sender_;
  std::unique_ptr<LinuxTransport> reflector_;
  Log sent_;
  Log reflected_;
};

TEST_P(NicTimes, SayWhatTheyAre) {
  open_both();
  for (const auto* transport : {sender_.get(), reflector_.get()}) {
    const auto text = transport->description();
    EXPECT_TRUE(transport->points_enabled().has(Point::rx_hardware)) << text;
    EXPECT_EQ(transport->points_enabled().has(Point::tx_hardware), zero_copy()) << text;
    EXPECT_EQ(text.find("no NIC receive times"), std::string::npos) << text;
    EXPECT_EQ(text.find("no NIC transmit times") == std::string::npos, zero_copy()) << text;
  }
}

TEST_P(NicTimes, EveryDatagramHasThemByTheClockOfItsNic) {
  open_both();
  constexpr std::uint32_t count = 200;
  std::vector<std::int64_t> began_ns;
  for (std::uint32_t id = 0; id < count; ++id) {
    began_ns.push_back(os::realtime_now().ns);
    ASSERT_NO_FATAL_FAILURE(echo(id));
  }
  for (auto* log : {&sent_, &reflected_}) {
    poll_until(log == &sent_ ? *sender_ : *reflector_, *log,
               [&] { return log->ids_with(Point::tx_completion).size() >= count; });
    EXPECT_EQ(log->ids_with(Point::tx_completion).size(), count);
    EXPECT_EQ(log->ids_with(Point::tx_hardware).size(), zero_copy() ? count : 0U);
  }
  std::int64_t before_ns = 0;
  for (std::uint32_t id = 0; id < count; ++id) {
    const auto request_rx_ns = reflected_.datagrams[id].meta.rx_hardware_ns;
    const auto reply_rx_ns = sent_.datagrams[id].meta.rx_hardware_ns;
    ASSERT_TRUE(request_rx_ns && reply_rx_ns) << id;
    expect_by_clock_of(reflector_end_, *request_rx_ns, began_ns[id]);
    expect_by_clock_of(sender_end_, *reply_rx_ns, began_ns[id]);
    EXPECT_LT(before_ns, *reply_rx_ns) << id;
    if (zero_copy()) {
      const auto request_tx_ns = sent_.tx_timestamps[id][Point::tx_hardware];
      const auto reply_tx_ns = reflected_.tx_timestamps[id][Point::tx_hardware];
      expect_by_clock_of(sender_end_, request_tx_ns, began_ns[id]);
      expect_by_clock_of(reflector_end_, reply_tx_ns, began_ns[id]);
      // Within one clock nothing comes before its cause.
      EXPECT_LT(before_ns, request_tx_ns) << id;
      EXPECT_LT(request_tx_ns, *reply_rx_ns) << id;
      EXPECT_LT(*request_rx_ns, reply_tx_ns) << id;
    }
    before_ns = *reply_rx_ns;
  }
}

TEST_P(NicTimes, OfABurstKeepTheOrderAndTheIds) {
  open_both();
  constexpr std::uint32_t count = 256;
  ASSERT_NO_FATAL_FAILURE(send_all(count, [](std::uint32_t) { return true; }));
  ASSERT_EQ(sent_.ids_with(Point::tx_hardware).size(), zero_copy() ? count : 0U);
  for (std::uint32_t id = 1; id < count; ++id) {
    const auto& received = reflected_.datagrams;
    ASSERT_EQ(load_be<std::uint32_t>(received[id].payload, 0), id);
    ASSERT_TRUE(received[id].meta.rx_hardware_ns.has_value()) << id;
    EXPECT_LT(received[id - 1].meta.rx_hardware_ns, received[id].meta.rx_hardware_ns) << id;
    if (!zero_copy()) continue;
    EXPECT_LT(sent_.tx_timestamps[id - 1][Point::tx_hardware],
              sent_.tx_timestamps[id][Point::tx_hardware])
        << id;
  }
}

TEST_P(NicTimes, AreTakenOnlyOfThoseThatAskForOne) {
  open_both();
  // More than there are frames, so that those with a time and those without share them.
  constexpr std::uint32_t count = 2048;
  const auto wants = [](std::uint32_t id) { return id % 7 == 0; };
  ASSERT_NO_FATAL_FAILURE(send_all(count, wants));
  std::set<std::uint32_t> expected;
  for (std::uint32_t id = 0; zero_copy() && id < count; ++id) {
    if (wants(id)) expected.insert(id);
  }
  EXPECT_EQ(sent_.ids_with(Point::tx_hardware), expected);
}

TEST_P(NicTimes, ThatTheNicDropsAreMissingAndNoOthers) {
  open_both();
  constexpr std::uint32_t count = 200;
  const Fault no_tx("tx_drop_every", "10,0");
  const Fault no_rx("rx_drop_every", "0,8");
  ASSERT_NO_FATAL_FAILURE(send_all(count, [](std::uint32_t) { return true; }));
  EXPECT_EQ(sent_.ids_with(Point::tx_hardware).size(), zero_copy() ? count - count / 10 : 0U);
  std::uint32_t stamped = 0;
  for (const auto& datagram : reflected_.datagrams) {
    if (datagram.meta.rx_hardware_ns) ++stamped;
    EXPECT_TRUE(datagram.meta.xdp_rx_ns.has_value());
  }
  EXPECT_EQ(stamped, count - count / 8);
}

TEST_P(NicTimes, AreNotHadWhereNobodyAskedForThem) {
  open_both(points_of(Layer::xdp));
  constexpr std::uint32_t count = 20;
  for (std::uint32_t id = 0; id < count; ++id) ASSERT_NO_FATAL_FAILURE(echo(id));
  for (const auto* log : {&sent_, &reflected_}) {
    EXPECT_TRUE(log->ids_with(Point::tx_hardware).empty());
    for (const auto& datagram : log->datagrams) {
      EXPECT_EQ(datagram.meta.rx_hardware_ns, std::nullopt);
      EXPECT_TRUE(datagram.meta.xdp_rx_ns.has_value());
    }
  }
  EXPECT_EQ(sender_->description().find("NIC"), std::string::npos) << sender_->description();
}

/// Each a second in there. netobs over zero-copy blocks (guest/af_xdp.py).
constexpr std::array cases{
    NicCase{"zero_copy_spin", AfXdpMode::zero_copy, WaitMode::spin},
    NicCase{"copy_block", AfXdpMode::copy, WaitMode::block},
};
INSTANTIATE_TEST_SUITE_P(Every, NicTimes, ::testing::ValuesIn(cases),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace netobs::test
