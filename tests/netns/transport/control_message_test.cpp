#include "linux/transport/control_message.hpp"

#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <netinet/in.h>

#include <cstring>
#include <limits>
#include <vector>

#include "linux/transport/kernel_abi.hpp"

namespace netobs::test {
namespace {

template <class T>
void append(std::vector<std::byte>& control, int level, int type, const T& value) {
  const std::size_t at = control.size();
  control.resize(at + CMSG_SPACE(sizeof value));
  cmsghdr header{};
  header.cmsg_len = CMSG_LEN(sizeof value);
  header.cmsg_level = level;
  header.cmsg_type = type;
  std::memcpy(control.data() + at, &header, sizeof header);
  std::memcpy(control.data() + at + CMSG_LEN(0), &value, sizeof value);
}

std::vector<std::byte> bytes(std::initializer_list<unsigned> values) {
  std::vector<std::byte> result;
  for (const unsigned value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

/// Ethernet, IPv4, UDP from port 862, payload beginning 01 02 03 04.
std::vector<std::byte> ethernet_packet() {
  return bytes({0x02, 0,    0,    0,    0, 2,  0x02, 0, 0,    0,  0, 1, 0x08, 0x00,  //
                0x45, 0,    0,    36,   0, 0,  0x40, 0, 0xff, 17, 0, 0, 198,  18,   0, 1,
                198,  18,   0,    2,  //
                0x03, 0x5e, 0x23, 0x28, 0, 16, 0,    0, 1,    2,  3, 4, 5,    6,    7, 8});
}

TEST(ControlMessage, ReadsTimestampTtlAndAddress) {
  std::vector<std::byte> control;
  append(control, SOL_SOCKET, abi::so_timestamping_new,
         abi::ScmTimestamping64{{1, 5}, {0, 0}, {2, 7}});
  append(control, IPPROTO_IP, IP_TTL, int{64});
  in_pktinfo info{};
  info.ipi_addr.s_addr = htonl(0xc6120002);
  info.ipi_ifindex = 3;
  append(control, IPPROTO_IP, IP_PKTINFO, info);
  const RxControl told = decode_rx_control(control);
  EXPECT_EQ(told.rx_software_ns, 1'000'000'005);
  EXPECT_EQ(told.rx_hardware_ns, 2'000'000'007);
  EXPECT_EQ(told.ttl, 64);
  EXPECT_EQ(told.local.text(), "198.18.0.2:0");
  EXPECT_EQ(told.interface_index, 3);
}

TEST(ControlMessage, StopsAtLengthsThatCannotBe) {
  std::vector<std::byte> control;
  append(control, IPPROTO_IP, IP_TTL, int{64});
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{15}, std::size_t{1000}, ~std::size_t{0}}) {
    std::memcpy(control.data(), &length, sizeof length);
    EXPECT_EQ(decode_rx_control(control).ttl, 0) << length;
  }
  EXPECT_EQ(decode_rx_control(std::span(control).first(7)).ttl, 0);
  EXPECT_EQ(decode_rx_control({}).ttl, 0);
}

TEST(ControlMessage, FindsTheIdInASentPacket) {
  const auto packet = ethernet_packet();
  EXPECT_EQ(id_in_packet(packet, 862), 0x01020304U);
  EXPECT_EQ(id_in_packet(std::span(packet).subspan(14), 862), 0x01020304U);  // no link header
  EXPECT_EQ(id_in_packet(std::span(packet).first(46), 862), 0x01020304U);    // tail cut off
  EXPECT_EQ(id_in_packet(std::span(packet).first(45), 862), std::nullopt);
  EXPECT_EQ(id_in_packet(packet, 863), std::nullopt);
  EXPECT_EQ(id_in_packet({}, 862), std::nullopt);
}

TEST(ControlMessage, TellsTransmitTimestampsApart) {
  const auto decode = [](std::uint32_t kind, const abi::ScmTimestamping64& times) {
    std::vector<std::byte> control;
    append(control, SOL_SOCKET, abi::so_timestamping_new, times);
    sock_extended_err error{};
    error.ee_origin = SO_EE_ORIGIN_TIMESTAMPING;
    error.ee_info = kind;
    error.ee_data = 99;
    append(control, IPPROTO_IPV6, IPV6_RECVERR, error);
    return decode_error_message(control, {}, TxIdSource::kernel, 862).timestamp;
  };
  EXPECT_EQ(decode(SCM_TSTAMP_SCHED, {{1, 1}, {}, {}})->point, Point::tx_sched);
  EXPECT_EQ(decode(SCM_TSTAMP_SND, {{1, 1}, {}, {}})->point, Point::tx_software);
  EXPECT_EQ(decode(SCM_TSTAMP_SND, {{}, {}, {1, 1}})->point, Point::tx_hardware);
  EXPECT_EQ(decode(SCM_TSTAMP_SND, {{1, 1}, {}, {}})->id, 99U);
  EXPECT_FALSE(decode(SCM_TSTAMP_SND, {}).has_value());
  EXPECT_FALSE(decode(SCM_TSTAMP_ACK, {{1, 1}, {}, {}}).has_value());
}

TEST(ControlMessage, TimesThatNoKernelWritesAreNoTimestamps) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  for (const abi::Timespec64 time :
       {abi::Timespec64{0, 0}, {most, 0}, {-1, 0}, {1, -1}, {1, 1'000'000'000}, {most, most}}) {
    EXPECT_EQ(time.total_ns(), std::nullopt) << time.seconds << " s " << time.nanoseconds << " ns";
  }
  EXPECT_EQ((abi::Timespec64{1, 999'999'999}).total_ns(), 1'999'999'999);
}

TEST(ControlMessage, AssignsIcmpErrorsByTheQuotedPayload) {
  sock_extended_err error{};
  error.ee_origin = SO_EE_ORIGIN_ICMP;
  error.ee_errno = ECONNREFUSED;
  std::vector<std::byte> control;
  append(control, IPPROTO_IP, IP_RECVERR, error);
  const auto full = decode_error_message(control, bytes({0, 0, 1, 0}), TxIdSource::kernel, 862);
  EXPECT_EQ(full.failure->id, 256U);
  EXPECT_EQ(full.failure->sys_errno, ECONNREFUSED);
  const auto headless = decode_error_message(control, {}, TxIdSource::kernel, 862);
  EXPECT_EQ(headless.failure->id, std::nullopt);
  EXPECT_TRUE(decode_error_message({}, {}, TxIdSource::kernel, 862).malformed);
}

}  // namespace
}  // namespace netobs::test
