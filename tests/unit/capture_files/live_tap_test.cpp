#include "linux/capture/live_tap.hpp"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

namespace netobs {
namespace {

using capture::LinkType;

LiveTapOptions tagged() {
  return {.interface = "any", .filter = "udp port 862 and udp port 9", .tagged_too = true};
}

bool compiles(const std::string& filter, int dlt) {
  pcap_t* capture = ::pcap_open_dead(dlt, 128);
  bpf_program program{};
  const bool done = ::pcap_compile(capture, &program, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN) == 0;
  if (done) ::pcap_freecode(&program);
  ::pcap_close(capture);
  return done;
}

TEST(LiveTapFilter, PassesTaggedFramesWhereThereAreTags) {
  EXPECT_EQ(filter_of(tagged(), LinkType::ethernet),
            "(udp port 862 and udp port 9) or (vlan and udp port 862 and udp port 9)");
  EXPECT_EQ(filter_of({.interface = "any", .filter = "udp"}, LinkType::ethernet), "udp");
  EXPECT_EQ(filter_of({.interface = "any", .filter = "", .tagged_too = true}, LinkType::ethernet),
            "");
}

TEST(LiveTapFilter, CompilesForLinksWithoutTags) {
  ASSERT_FALSE(compiles(filter_of(tagged(), LinkType::ethernet), DLT_RAW));
  EXPECT_TRUE(compiles(filter_of(tagged(), LinkType::ethernet), DLT_EN10MB));
  EXPECT_TRUE(compiles(filter_of(tagged(), LinkType::raw_ip), DLT_RAW));
  EXPECT_TRUE(compiles(filter_of(tagged(), LinkType::linux_cooked_v1), DLT_LINUX_SLL));
}

}  // namespace
}  // namespace netobs
