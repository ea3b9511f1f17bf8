// How a packet leaves a host, against what `ip` was told: routes, neighbours, VLANs.

#include "linux/os/link_path.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "linux/lab/veth_lab.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/interface.hpp"
#include "linux/os/subprocess.hpp"

namespace netobs::test {
namespace {

Endpoint v6(std::uint8_t host) {
  Endpoint endpoint;
  endpoint.address = {0xfd, 0x00, 0x6e, 0x6f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host};
  return endpoint;
}

Endpoint v4(std::uint8_t third, std::uint8_t fourth) {
  return Endpoint::v4({198, 18, third, fourth}, 0);
}

class LinkPathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, for network namespaces";
    auto lab = lab::VethLab::create();
    ASSERT_TRUE(lab.has_value()) << lab.error().message();
    lab_.emplace(std::move(*lab));
    auto scope = os::NamespaceScope::enter(lab_->sender_side());
    ASSERT_TRUE(scope.has_value());
    scope_.emplace(std::move(*scope));
  }

  static void run(const std::string& line) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < line.size();) {
      const auto end = std::min(line.find(' ', at), line.size());
      words.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    const auto output = os::run_process(words, "");
    ASSERT_TRUE(output.has_value()) << output.error().message();
    ASSERT_EQ(output->exit_status, 0) << line << ": " << output->text;
  }
  static bool kernel_has_vlans() {
    const auto made = os::run_process(
        {"ip", "link", "add", "link", "va0", "name", "trial", "type", "vlan", "id", "9"}, "");
    if (!made || made->exit_status != 0) return false;
    run("ip link del trial");
    return true;
  }
  void run_at_reflector(const std::string& line) {
    auto scope = os::NamespaceScope::enter(lab_->reflector_side());
    ASSERT_TRUE(scope.has_value());
    run(line);
  }
  MacAddress reflector_mac() {
    auto scope = os::NamespaceScope::enter(lab_->reflector_side());
    return os::link_device("vb0")->mac;
  }
  static os::LinkPath find(const os::LinkPathQuery& query) {
    auto path = os::find_link_path(query);
    EXPECT_TRUE(path.has_value()) << path.error().message();
    return path.value_or(os::LinkPath{});
  }
  static Error refused(const os::LinkPathQuery& query) {
    const auto path = os::find_link_path(query);
    EXPECT_FALSE(path.has_value());
    return path ? Error{} : path.error();
  }

  std::optional<lab::VethLab> lab_;
  std::optional<os::NamespaceScope> scope_;
};

TEST_F(LinkPathTest, TheNeighbourOnTheLink) {
  for (const bool six : {false, true}) {
    auto remote = six ? v6(2) : v4(0, 2);
    remote.port = 862;
    const auto path = find({.remote = remote, .source = {}, .interface = 0});
    EXPECT_EQ(path.device.name, "va0");
    EXPECT_EQ(path.device.carrier_index, path.device.index);
    EXPECT_FALSE(path.device.vlan.has_value());
    EXPECT_EQ(path.device.mac, os::link_device("va0")->mac);
    EXPECT_EQ(path.next_hop_mac, reflector_mac());
    EXPECT_EQ(path.source, six ? v6(1) : v4(0, 1));
    EXPECT_EQ(path.mtu_bytes, 1500U);
  }
}

TEST_F(LinkPathTest, AGatewayAndARoutesMtu) {
  run("ip route add 198.18.4.0/24 via 198.18.0.2 mtu 1200");
  run("ip route add 198.18.5.0/24 via inet6 fd00:6e6f::2");
  const auto by_v4 = find({.remote = v4(4, 7), .source = {}, .interface = 0});
  EXPECT_EQ(by_v4.next_hop_mac, reflector_mac());
  EXPECT_EQ(by_v4.mtu_bytes, 1200U);
  const auto by_v6 = find({.remote = v4(5, 7), .source = {}, .interface = 0});
  EXPECT_EQ(by_v6.next_hop_mac, reflector_mac());
  EXPECT_EQ(by_v6.source, v4(0, 1));
}

TEST_F(LinkPathTest, TheSourceThatWasGiven) {
  run("ip address add 198.18.0.77/32 dev va0");
  const auto path =
      find({.remote = v4(0, 2), .source = v4(0, 77), .interface = os::link_device("va0")->index});
  EXPECT_EQ(path.source, v4(0, 77));
}

TEST_F(LinkPathTest, AVlanIsCarriedByTheDeviceBelow) {
  for (const std::string protocol : {"802.1Q", "802.1ad"}) {
    const auto add = [&](const std::string& below, const std::string& host) {
      return std::vector<std::string>{
          "ip link add link " + below + " name tagged type vlan protocol " + protocol + " id 42",
          "ip address add 198.18.9." + host + "/24 dev tagged", "ip link set tagged up"};
    };
    if (!kernel_has_vlans()) GTEST_SKIP() << "this kernel has no VLAN devices";
    for (const auto& line : add("va0", "1")) run(line);
    for (const auto& line : add("vb0", "2")) run_at_reflector(line);
    const auto path = find({.remote = v4(9, 2), .source = {}, .interface = 0});
    EXPECT_EQ(path.device.name, "tagged");
    EXPECT_EQ(path.device.carrier, "va0");
    EXPECT_EQ(path.device.carrier_index, os::link_device("va0")->index);
    const std::uint16_t type = protocol == "802.1Q" ? 0x8100 : 0x88a8;
    EXPECT_EQ(path.device.vlan, (VlanTag{type, 42}));
    EXPECT_EQ(path.next_hop_mac, reflector_mac());
    run("ip link add link tagged name twice type vlan id 43");
    EXPECT_EQ(os::link_device("twice").error().sys_errno, EOPNOTSUPP);
    run("ip link del tagged");
    run_at_reflector("ip link del tagged");
  }
}

TEST_F(LinkPathTest, AnAbsentNeighbourIsGivenUpInTime) {
  run("ip address add 198.18.8.1/24 dev va0");
  run("ip address add fd00:8::1/64 dev va0 nodad");
  Endpoint absent_v6 = v6(9);
  absent_v6.address[1] = 0;
  absent_v6.address[2] = 0;
  absent_v6.address[3] = 8;
  for (const Endpoint& absent : {v4(8, 9), absent_v6}) {
    const auto before = os::monotonic_now();
    const auto error = refused(
        {.remote = absent, .source = {}, .interface = 0, .limit = std::chrono::milliseconds(100)});
    const auto waited = os::monotonic_now() - before;
    EXPECT_EQ(error.sys_errno, EHOSTUNREACH);
    EXPECT_NE(error.what.find("va0"), std::string::npos) << error.what;
    EXPECT_NE(error.cause, "");
    EXPECT_GE(waited, std::chrono::milliseconds(100));
    EXPECT_LT(waited, std::chrono::seconds(2));
  }
}

TEST_F(LinkPathTest, NoWay) {
  EXPECT_EQ(refused({.remote = v4(77, 1), .source = {}, .interface = 0}).sys_errno, ENETUNREACH);
  EXPECT_EQ(os::link_device("nosuch0").error().sys_errno, ENODEV);
  run("ip route add blackhole 198.18.66.0/24");
  EXPECT_NE(refused({.remote = v4(66, 1), .source = {}, .interface = 0}).sys_errno, 0);
  run("ip tuntap add tun7 mode tun");
  run("ip address add 198.18.7.1/24 dev tun7");
  run("ip link set tun7 up");
  const auto error = refused({.remote = v4(7, 2), .source = {}, .interface = 0});
  EXPECT_EQ(error.sys_errno, EOPNOTSUPP);
  EXPECT_NE(error.remedy, "");
}

TEST_F(LinkPathTest, TheHostItself) {
  const auto path = find({.remote = v4(0, 1), .source = {}, .interface = 0});
  EXPECT_EQ(path.device.name, "lo");
  EXPECT_TRUE(path.device.loopback);
  EXPECT_EQ(path.next_hop_mac, MacAddress{});
}

TEST_F(LinkPathTest, TheWatchTellsOfChanges) {
  auto watch = os::LinkWatch::open();
  ASSERT_TRUE(watch.has_value()) << watch.error().message();
  while (watch->changed()) {
  }
  run("ip neigh replace 198.18.0.3 lladdr 02:00:00:00:00:03 dev va0");
  EXPECT_TRUE(watch->changed());
  EXPECT_FALSE(watch->changed());
  run("ip route add 198.18.4.0/24 via 198.18.0.2");
  EXPECT_TRUE(watch->changed());
}

TEST_F(LinkPathTest, QueuesAndAddresses) {
  EXPECT_EQ(os::receive_queue_count("va0"), 1U);
  run("ip link add q0 numrxqueues 3 numtxqueues 3 type veth peer name q1 numrxqueues 3 "
      "numtxqueues 3");
  EXPECT_EQ(os::receive_queue_count("q0"), 3U);
  EXPECT_EQ(os::receive_queue_count("nosuch0"), 1U);
  const auto addresses = os::local_addresses();
  EXPECT_NE(std::ranges::find(addresses, v4(0, 1)), addresses.end());
  EXPECT_NE(std::ranges::find(addresses, v6(1)), addresses.end());
}

}  // namespace
}  // namespace netobs::test
