#include "core/capture/pcapng_interfaces.hpp"

#include <gtest/gtest.h>

#include "capture_bytes.hpp"

namespace netobs::capture_test {
namespace {

std::uint32_t count(const std::string& octets, std::size_t piece) {
  capture::PcapngInterfaces interfaces;
  for (std::size_t at = 0; at < octets.size(); at += piece) {
    const auto part = octets.substr(at, piece);
    interfaces.feed(std::as_bytes(std::span(part)));
  }
  return interfaces.count();
}

TEST(PcapngInterfaces, CountsThoseOfTheLastSectionInPiecesOfAnySize) {
  for (const auto order : {Order::little, Order::big}) {
    const auto three = section(order) + interface(order, {}) +
                       enhanced_packet(order, 0, 1, std::string(41, 'a')) + interface(order, {}) +
                       block(order, 0x0bad0bad, "") + interface(order, {});
    const auto other = order == Order::little ? Order::big : Order::little;
    const auto then_one = three + section(other) + interface(other, {});
    for (const std::size_t piece : {1U, 2U, 5U, 11U, 12U, 13U, 4096U}) {
      EXPECT_EQ(count(three, piece), 3U) << piece;
      EXPECT_EQ(count(then_one, piece), 1U) << piece;
    }
  }
}

TEST(PcapngInterfaces, OtherFilesHaveNone) {
  const auto order = Order::little;
  EXPECT_EQ(
      count(pcap_header(order, pcap_nano) + pcap_packet(order, 1, 1, std::string(60, '\x01')), 7),
      0U);
  EXPECT_EQ(count(std::string(4096, '\x01'), 4096), 0U);
  EXPECT_EQ(count(interface(order, {}), 4096), 0U);
  // A length that cannot be ends the count.
  EXPECT_EQ(count(section(order) + interface(order, {}) + Octets(order).u32(6).u32(0).u32(0).str() +
                      interface(order, {}),
                  3),
            1U);
}

}  // namespace
}  // namespace netobs::capture_test
