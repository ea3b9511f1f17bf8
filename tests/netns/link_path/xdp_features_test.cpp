// What drivers say of the NIC's times for XDP.

#include "linux/os/xdp_features.hpp"

#include <gtest/gtest.h>
#include <net/if.h>
#include <unistd.h>

#include "linux/lab/veth_lab.hpp"
#include "linux/os/netns.hpp"

namespace netobs::test {
namespace {

TEST(XdpClockFeatures, VethHasReceiveTimesOnlyAndLoHasNone) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, for network namespaces";
  auto lab = lab::VethLab::create();
  ASSERT_TRUE(lab.has_value()) << lab.error().message();
  auto scope = os::NamespaceScope::enter(lab->sender_side());
  ASSERT_TRUE(scope.has_value());
  const auto index_of = [](const char* name) { return static_cast<int>(::if_nametoindex(name)); };
  const auto loopback = os::xdp_clock_features(index_of("lo"));
  if (!loopback.receive) GTEST_SKIP() << "needs a kernel that tells (Linux 6.6)";
  EXPECT_EQ(loopback.receive, false);
  EXPECT_FALSE(loopback.transmit);
  const auto veth = os::xdp_clock_features(index_of(lab::VethLab::sender_interface));
  EXPECT_EQ(veth.receive, true);
  EXPECT_FALSE(veth.transmit);
}

TEST(XdpClockFeatures, NothingIsToldOfAnInterfaceThatIsNotThere) {
  for (const int index : {0, 0x7ffffff0}) {
    const auto features = os::xdp_clock_features(index);
    EXPECT_EQ(features.receive, std::nullopt);
    EXPECT_FALSE(features.transmit);
  }
}

}  // namespace
}  // namespace netobs::test
