// The XDP programs on an interface: who may stand there, what comes back, and that the stack takes
// the reflector's packets.

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <thread>

#include "bpf/lab.hpp"
#include "core/wire/packet.hpp"
#include "core/wire/udp_frame.hpp"
#include "linux/bpf/xdp_link.hpp"
#include "linux/bpf/xdp_reflector.hpp"
#include "linux/bpf/xdp_steering.hpp"
#include "linux/os/link_device.hpp"

namespace netobs::test {
namespace {

using linux_bpf::attach_xdp;
using linux_bpf::Steering;
using linux_bpf::XdpAttachment;
using linux_bpf::XdpMode;

constexpr auto patience = std::chrono::seconds(5);

std::uint32_t program_id(int fd) {
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  EXPECT_EQ(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
  return info.id;
}

/// 0: none.
std::uint32_t program_on(int ifindex) {
  bpf_xdp_query_opts query{};
  query.sz = sizeof query;
  EXPECT_EQ(bpf_xdp_query(ifindex, 0, &query), 0);
  return query.prog_id;
}

/// Stands at the reflector's end of the pair.
class LiveXdp : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = reason_to_skip()) GTEST_SKIP() << *reason;
    auto lab = lab::VethLab::create();
    ASSERT_TRUE(lab.has_value()) << lab.error().message();
    lab_.emplace(std::move(*lab));
    auto scope = os::NamespaceScope::enter(lab_->reflector_side());
    ASSERT_TRUE(scope.has_value());
    scope_.emplace(std::move(*scope));
    auto device = os::link_device(lab::VethLab::reflector_interface);
    ASSERT_TRUE(device.has_value()) << device.error().message();
    device_ = *device;
  }
  [[nodiscard]] Steering steering(bool rx_hardware = false) const {
    linux_bpf::SteeringOptions options;
    options.ifindex = device_.index;
    options.local_port = reflector_port;
    options.mac = device_.mac;
    options.rx_hardware = rx_hardware;
    auto loaded = Steering::load(options);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message();
    return std::move(*loaded);
  }
  /// A child that attaches and stays until it is killed.
  [[nodiscard]] pid_t attach_in_child() const;
  [[nodiscard]] os::NamespaceScope at_sender() const {
    return std::move(*os::NamespaceScope::enter(lab_->sender_side()));
  }

  std::optional<lab::VethLab> lab_;
  std::optional<os::NamespaceScope> scope_;
  os::LinkDevice device_;
};

pid_t LiveXdp::attach_in_child() const {
  std::array<int, 2> ready{};
  EXPECT_EQ(::pipe(ready.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto ours = steering();
    const auto attached = attach_xdp(ours.program_fd(), device_.index, XdpMode::skb, false);
    const char done = attached.has_value() ? 'y' : 'n';
    (void)!::write(ready[1], &done, 1);
    while (true) ::pause();
  }
  ::close(ready[1]);
  char done = 0;
  EXPECT_EQ(::read(ready[0], &done, 1), 1);
  EXPECT_EQ(done, 'y');
  ::close(ready[0]);
  return child;
}

TEST_F(LiveXdp, GoneWithItsOwner) {
  const auto ours = steering();
  for (const auto mode : {XdpMode::native, XdpMode::skb}) {
    {
      const auto attached = attach_xdp(ours.program_fd(), device_.index, mode, false);
      ASSERT_TRUE(attached.has_value()) << attached.error().message();
      EXPECT_EQ(program_on(device_.index), program_id(ours.program_fd()));
    }
    EXPECT_EQ(program_on(device_.index), 0U);
  }
}

TEST_F(LiveXdp, AnotherProgramIsReplacedOnlyByForceAndComesBack) {
  const auto theirs = steering();
  const auto ours = steering();
  const auto their_id = program_id(theirs.program_fd());
  for (const std::uint32_t flags : {XDP_FLAGS_SKB_MODE, XDP_FLAGS_DRV_MODE}) {
    ASSERT_EQ(bpf_xdp_attach(device_.index, theirs.program_fd(), flags, nullptr), 0);
    const auto refused = attach_xdp(ours.program_fd(), device_.index, XdpMode::skb, false);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().sys_errno, EBUSY);
    EXPECT_NE(refused.error().cause.find(std::to_string(their_id) + " (steer)"), std::string::npos)
        << refused.error().cause;
    EXPECT_NE(refused.error().remedy.find("--force"), std::string::npos);
    EXPECT_EQ(program_on(device_.index), their_id);
    std::optional<XdpAttachment> attachment;
    {
      auto forced = attach_xdp(ours.program_fd(), device_.index, XdpMode::skb, true);
      ASSERT_TRUE(forced.has_value()) << forced.error().message();
      EXPECT_EQ(program_on(device_.index), program_id(ours.program_fd()));
      attachment.emplace(std::move(*forced));
    }
    EXPECT_EQ(program_on(device_.index), program_id(ours.program_fd()));
    {
      // Its end finds its own way to where it stood.
      const auto elsewhere = at_sender();
      attachment.reset();
    }
    EXPECT_EQ(program_on(device_.index), their_id);
    ASSERT_EQ(bpf_xdp_detach(device_.index, flags, nullptr), 0);
  }
}

TEST_F(LiveXdp, WhatCouldNotBeReplacedComesBackAtOnce) {
  const auto theirs = steering();
  ASSERT_EQ(bpf_xdp_attach(device_.index, theirs.program_fd(), XDP_FLAGS_SKB_MODE, nullptr), 0);
  const auto no_program = attach_xdp(-1, device_.index, XdpMode::skb, true);
  EXPECT_FALSE(no_program.has_value());
  EXPECT_EQ(program_on(device_.index), program_id(theirs.program_fd()));
  ASSERT_EQ(bpf_xdp_detach(device_.index, XDP_FLAGS_SKB_MODE, nullptr), 0);
}

TEST_F(LiveXdp, AProgramHeldByAProcessIsNotReplacedAndGoesWithIt) {
  const pid_t child = attach_in_child();
  const auto there = program_on(device_.index);
  EXPECT_NE(there, 0U);
  const auto ours = steering();
  const auto forced = attach_xdp(ours.program_fd(), device_.index, XdpMode::skb, true);
  ASSERT_FALSE(forced.has_value());
  EXPECT_EQ(forced.error().sys_errno, EBUSY);
  EXPECT_NE(forced.error().cause.find("another process"), std::string::npos)
      << forced.error().cause;
  EXPECT_EQ(program_on(device_.index), there);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  // The kernel lets go of the link a moment after the process.
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (program_on(device_.index) != 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(program_on(device_.index), 0U);
}

TEST_F(LiveXdp, AnMtuThatIsTooLargeForTheDriverSaysSo) {
  {
    const auto scope = at_sender();
    run({"ip", "link", "set", lab::VethLab::sender_interface, "mtu", "9000"});
  }
  const auto ours = steering();
  const auto native = attach_xdp(ours.program_fd(), device_.index, XdpMode::native, false);
  ASSERT_FALSE(native.has_value());
  EXPECT_NE(native.error().cause.find("MTU"), std::string::npos) << native.error().message();
  EXPECT_NE(native.error().remedy.find("--xdp-mode skb"), std::string::npos);
  EXPECT_TRUE(attach_xdp(ours.program_fd(), device_.index, XdpMode::skb, false).has_value());
}

TEST_F(LiveXdp, WithTheDriversReceiveTimes) {
  const auto ours = steering(true);
  if (!ours.takes_hardware_times()) GTEST_SKIP() << "needs XDP metadata of veth (Linux 6.3)";
  const auto native = attach_xdp(ours.program_fd(), device_.index, XdpMode::native, false);
  EXPECT_TRUE(native.has_value()) << native.error().message();
}

/// Off: whole checksums leave, and what receives them checks them. On: they are left to a NIC.
void leave_checksums_to_the_nic(const char* interface, bool on) {
  ethtool_value value{};
  value.cmd = ETHTOOL_STXCSUM;
  value.data = on ? 1 : 0;
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  const os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::ioctl(socket.get(), SIOCETHTOOL, &request), 0) << std::strerror(errno);
}

/// UDP datagrams over IPv4 that this namespace has dropped for their checksum.
std::uint64_t checksum_errors() {
  std::ifstream file("/proc/thread-self/net/snmp");
  std::string line;
  std::string names;
  while (std::getline(file, line)) {
    if (!line.starts_with("Udp:")) continue;
    if (names.empty()) {
      names = line;
      continue;
    }
    std::istringstream columns(names);
    std::istringstream values(line);
    std::string column;
    std::string value;
    while (columns >> column && values >> value) {
      if (column == "InCsumErrors") return std::stoull(value);
    }
  }
  ADD_FAILURE() << "no InCsumErrors";
  return 0;
}

constexpr std::size_t probe_bytes = 61;  // odd

Bytes probe(std::uint32_t sequence) {
  Bytes payload(probe_bytes);
  wire::encode_sender(wire::Mode::unauthenticated,
                      {.sequence = sequence,
                       .t1 = 0x1112131415161718,
                       .error_estimate = wire::ErrorEstimate::from_bound_ns(1000, true),
                       .ssid = 7},
                      std::as_writable_bytes(std::span(payload)));
  return payload;
}

void expect_hundred_answers(const os::Fd& socket, const Endpoint& reflector) {
  for (std::uint32_t i = 0; i < 100; ++i) {
    send_to(socket, reflector, probe(i));
    Bytes reply(2 * probe_bytes);
    const auto bytes = ::recv(socket.get(), reply.data(), reply.size(), 0);
    ASSERT_EQ(bytes, static_cast<ssize_t>(probe_bytes)) << i << ' ' << std::strerror(errno);
    reply.resize(probe_bytes);
    const auto base = wire::decode_reflector(wire::Mode::unauthenticated,
                                             std::as_bytes(std::span(reply)), nullptr);
    ASSERT_TRUE(base.has_value()) << i;
    EXPECT_EQ(base->sender_sequence, i);
    EXPECT_EQ(base->sender_t1, 0x1112131415161718U);
    EXPECT_EQ(base->sender_ttl, 64);
    EXPECT_GE(base->t3, base->t2);
  }
}

linux_bpf::XdpReflectorOptions reflector_options(const os::LinkDevice& device) {
  linux_bpf::XdpReflectorOptions options;
  options.ifindex = device.index;
  options.local_addresses = {Endpoint::v4({198, 18, 0, 2}, 0)};
  Endpoint v6;
  v6.address = {0xfd, 0, 0x6e, 0x6f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
  options.local_addresses.push_back(v6);
  options.local_port = reflector_port;
  options.mac = device.mac;
  return options;
}

TEST_F(LiveXdp, TheStackTakesWhatTheReflectorAnswers) {
  const auto options = reflector_options(device_);
  auto reflector = linux_bpf::XdpReflector::load(options);
  ASSERT_TRUE(reflector.has_value()) << reflector.error().message();
  const auto attached = reflector->attach(XdpMode::skb, false);
  ASSERT_TRUE(attached.has_value()) << attached.error().message();
  const auto scope = at_sender();
  for (const bool to_nic : {true, false}) {
    SCOPED_TRACE(to_nic ? "checksums left to the NIC" : "whole checksums");
    leave_checksums_to_the_nic(lab::VethLab::sender_interface, to_nic);
    for (const auto& local : options.local_addresses) {
      Endpoint to = local;
      to.port = reflector_port;
      expect_hundred_answers(udp_socket(sender_port, !to.is_v4()), to);
    }
  }
  EXPECT_EQ(reflector->counters().received, 400U);
  EXPECT_EQ(reflector->counters().answered, 400U);
  EXPECT_EQ(checksum_errors(), 0U);
}

// That the stack looks at all: the answer to a damaged packet is as damaged, and dropped.
TEST_F(LiveXdp, TheStackRefusesTheAnswerToADamagedPacket) {
  auto reflector = linux_bpf::XdpReflector::load(reflector_options(device_));
  ASSERT_TRUE(reflector.has_value()) << reflector.error().message();
  ASSERT_TRUE(reflector->attach(XdpMode::skb, false).has_value());
  const auto scope = at_sender();
  const auto here = os::link_device(lab::VethLab::sender_interface);
  ASSERT_TRUE(here.has_value());
  const auto socket = udp_socket(sender_port);
  const wire::FrameHeader header({.source_mac = here->mac,
                                  .destination_mac = device_.mac,
                                  .source = Endpoint::v4({198, 18, 0, 1}, sender_port),
                                  .destination = Endpoint::v4({198, 18, 0, 2}, reflector_port)});
  Bytes frame(header.size());
  const Bytes payload = probe(1);
  frame.insert(frame.end(), payload.begin(), payload.end());
  header.write(std::as_writable_bytes(std::span(frame)));
  frame.back() ^= 1U;
  send_frame(lab::VethLab::sender_interface, frame);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  Bytes reply(2 * probe_bytes);
  while (checksum_errors() == 0 && std::chrono::steady_clock::now() < deadline) {
    EXPECT_EQ(::recv(socket.get(), reply.data(), reply.size(), MSG_DONTWAIT), -1);
    std::this_thread::yield();
  }
  EXPECT_EQ(reflector->counters().answered, 1U);
  EXPECT_EQ(checksum_errors(), 1U);
}

}  // namespace
}  // namespace netobs::test
