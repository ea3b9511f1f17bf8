// The NIC's times on AF_XDP, asked for where no NIC takes any: all else is as without, and nothing
// else is passed off as one. Real ones: tests/vm.

#include <string>
#include <vector>

#include "linux/os/netns.hpp"
#include "linux/os/xdp_features.hpp"
#include "netns/transport/transport_fixture.hpp"

namespace netobs::test {
namespace {

std::vector<TransportCase> af_xdp_cases() {
  auto cases = all_cases();
  std::erase_if(cases, [](const TransportCase& c) { return c.transport != "af_xdp"; });
  return cases;
}

class AfXdpHardware : public TransportTest {
 protected:
  [[nodiscard]] TransportOptions with_nic(TransportOptions options) const {
    options.points = own_points() | points_of(Layer::nic);
    return options;
  }
  void open_both_with_nic() {
    TransportOptions sender_options = with_nic(options());
    sender_options.remote = reflector_address(port);
    auto sender = make_sender(sender_options);
    ASSERT_TRUE(sender.has_value()) << sender.error().message();
    sender_ = std::move(*sender);
    TransportOptions reflector_options = with_nic(options());
    reflector_options.local = reflector_address(port);
    auto reflector = make_reflector(reflector_options);
    ASSERT_TRUE(reflector.has_value()) << reflector.error().message();
    reflector_ = std::move(*reflector);
  }
};

TEST_P(AfXdpHardware, SaysWhatIsNotHadAndWhy) {
  open_both_with_nic();
  const auto enabled = sender_->points_enabled();
  const auto text = sender_->description();
  EXPECT_TRUE(enabled.covers(own_points()));
  // The kernel would fill in its own time of the completion in copy mode.
  EXPECT_FALSE(enabled.has(Point::tx_hardware));
  EXPECT_NE(text.find("no NIC transmit times: in zero-copy mode only"), std::string::npos) << text;
  // Either the program is bound to the device, or there is a reason.
  const bool refused = text.find("no NIC receive times: ") != std::string::npos;
  EXPECT_NE(enabled.has(Point::rx_hardware), refused) << text;
  EXPECT_EQ(sender_->refused(Point::rx_hardware).has_value(), refused);
  EXPECT_EQ(sender_->refused(Point::xdp_rx), std::nullopt);
  const auto transmit = sender_->refused(Point::tx_hardware);
  ASSERT_TRUE(transmit.has_value());
  EXPECT_NE(transmit->message().find("zero-copy mode only"), std::string::npos);
  EXPECT_NE(transmit->remedy.find("--transport"), std::string::npos);
  if (GetParam().mode == AfXdpMode::skb) {
    EXPECT_NE(text.find("no NIC receive times: not in SKB mode"), std::string::npos) << text;
  }
}

TEST_P(AfXdpHardware, NothingElseIsPassedOffAsTheNicsTime) {
  open_both_with_nic();
  constexpr std::uint32_t count = 200;
  Log sent;
  Log reflected;
  for (std::uint32_t id = 0; id < count; ++id) {
    send(*sender_, id);
    poll_until(*reflector_, reflected, [&] { return reflected.datagrams.size() > id; });
    ASSERT_EQ(reflected.datagrams.size(), id + 1);
    send(*reflector_, id, small_bytes, &reflected.datagrams[id].meta);
    poll_until(*sender_, sent, [&] { return sent.datagrams.size() > id; });
    ASSERT_EQ(sent.datagrams.size(), id + 1);
  }
  for (auto* side : {&sent, &reflected}) {
    auto& transport = side == &sent ? *sender_ : *reflector_;
    poll_until(transport, *side,
               [&] { return side->ids_with(Point::tx_completion).size() >= count; });
    EXPECT_EQ(side->ids_with(Point::tx_completion).size(), count);
    EXPECT_TRUE(side->ids_with(Point::tx_hardware).empty());
    EXPECT_TRUE(side->failures.empty());
    for (const auto& datagram : side->datagrams) {
      EXPECT_TRUE(datagram.meta.xdp_rx_ns.has_value());
      EXPECT_EQ(datagram.meta.rx_hardware_ns, std::nullopt);
    }
    EXPECT_EQ(transport.losses().unstamped, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, AfXdpHardware, ::testing::ValuesIn(af_xdp_cases()),
                         [](const auto& test) {
                           const TransportCase& c = test.param;
                           return c.variant + (c.v6 ? "_v6" : "_v4") +
                                  (c.wait == WaitMode::spin ? "_spin" : "_block");
                         });

// A tap has XDP in its driver, and no NIC behind it.
class AfXdpOnTap : public AfXdpHardware {};

TEST_P(AfXdpOnTap, ADriverWithoutReceiveTimesIsNotAskedForThem) {
  {
    auto scope = os::NamespaceScope::enter(lab_->sender_side());
    ASSERT_TRUE(scope.has_value());
    if (!os::xdp_clock_features(1).receive) {
      GTEST_SKIP() << "needs a kernel that tells what drivers have (Linux 6.6)";
    }
  }
  ip(true, {"tuntap", "add", "dev", "tap0", "mode", "tap"});
  ip(true, {"addr", "add", "198.18.5.1/24", "dev", "tap0"});
  ip(true, {"link", "set", "tap0", "up"});
  ip(true, {"neigh", "add", "198.18.5.2", "lladdr", "02:00:00:00:00:02", "dev", "tap0"});
  TransportOptions over_tap = with_nic(options());
  over_tap.remote = Endpoint::v4({198, 18, 5, 2}, port);
  auto transport = make_sender(over_tap);
  ASSERT_TRUE(transport.has_value()) << transport.error().message();
  const auto text = (*transport)->description();
  EXPECT_NE(text.find("native XDP"), std::string::npos) << text;
  EXPECT_NE(text.find("no NIC receive times: the driver has none for XDP"), std::string::npos)
      << text;
  EXPECT_EQ((*transport)->points_enabled(), own_points());
}

INSTANTIATE_TEST_SUITE_P(
    Copy, AfXdpOnTap,
    ::testing::Values(TransportCase{
        .transport = "af_xdp", .variant = "copy", .features = {}, .mode = AfXdpMode::copy}));

}  // namespace
}  // namespace netobs::test
