#include "core/capture/probe_frame.hpp"

#include <gtest/gtest.h>

#include "unit/wire/hex.hpp"

namespace netobs::capture {
namespace {

constexpr const char* addresses = "020000000002 020000000001";
constexpr const char* v4 =
    "0800 4500 0048 0000 4000 ff11 0000 c6120001 c6120002 c000 035e 0034 0000";
constexpr const char* v4_reply =
    "0800 4500 0048 0000 4000 ff11 0000 c6120002 c6120001 035e c000 0034 0000";
constexpr const char* v6 =
    "86dd 60000000 0034 11ff fd006e6f000000000000000000000001 fd006e6f000000000000000000000002 "
    "c000 035e 0034 0000";
constexpr const char* request =
    "0000002a e8fe6f801f9add37 8601 0007 00000000000000000000000000000000000000000000000000000000";
constexpr const char* reply =
    "00000009 e8fe6f801f9add37 8601 0007 e8fe6f801f9add37 0000002a e8fe6f801f9add37 8601 0000 ff "
    "000000";

std::optional<ProbeFrame> read(const std::string& hex) {
  return read_probe_frame(wire_test::bytes(hex), 862);
}
std::string joined(std::initializer_list<const char*> parts) {
  std::string all;
  for (const auto* part : parts) all += part;
  return all;
}

TEST(ProbeFrame, RequestsAndRepliesByTheSendersNumber) {
  EXPECT_EQ(read(joined({addresses, v4, request})), (ProbeFrame{false, 42}));
  EXPECT_EQ(read(joined({addresses, v4_reply, reply})), (ProbeFrame{true, 42}));
  EXPECT_EQ(read(joined({addresses, v6, request})), (ProbeFrame{false, 42}));
}

TEST(ProbeFrame, TagsOptionsAndTheirLimit) {
  EXPECT_EQ(read(joined({addresses, "8100 0005", v4, request})), (ProbeFrame{false, 42}));
  EXPECT_EQ(read(joined({addresses, "88a8 0005 8100 0006", v4, request})), (ProbeFrame{false, 42}));
  EXPECT_FALSE(
      read(joined({addresses, "8100 0005 8100 0005 8100 0005 8100 0005 8100 0006", v4, request})));
  const char* with_option =
      "0800 4600 004c 0000 4000 ff11 0000 c6120001 c6120002 01010100 c000 035e 0034 0000";
  EXPECT_EQ(read(joined({addresses, with_option, request})), (ProbeFrame{false, 42}));
}

TEST(ProbeFrame, WhatIsNoProbe) {
  const char* other_port =
      "0800 4500 0048 0000 4000 ff11 0000 c6120001 c6120002 c000 0035 0034 0000";
  const char* both_ports =
      "0800 4500 0048 0000 4000 ff11 0000 c6120001 c6120002 035e 035e 0034 0000";
  const char* fragment = "0800 4500 0048 0000 0010 ff11 0000 c6120001 c6120002 c000 035e 0034 0000";
  const char* tcp = "0800 4500 0048 0000 4000 ff06 0000 c6120001 c6120002 c000 035e 0034 0000";
  const char* short_header =
      "0800 4400 0048 0000 4000 ff11 0000 c6120001 c6120002 c000 035e 0034 0000";
  for (const auto* wrong : {other_port, both_ports, fragment, tcp, short_header}) {
    EXPECT_FALSE(read(joined({addresses, wrong, request}))) << wrong;
  }
}

TEST(ProbeFrame, EveryCutIsRefusedOrReadWithoutHarm) {
  const auto whole = wire_test::bytes(joined({addresses, v4_reply, reply}));
  constexpr std::size_t up_to_the_number = 14 + 20 + 8 + 28;
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto cut = std::span(whole).first(size);
    EXPECT_EQ(read_probe_frame(cut, 862).has_value(), size >= up_to_the_number) << size;
  }
}

}  // namespace
}  // namespace netobs::capture
