#include "core/conditions/tcp_table.hpp"

#include <gtest/gtest.h>

#include <bit>

namespace netobs::conditions {
namespace {

/// What a kernel wrote, the ends of the lines left out. Its addresses are in the order of its CPU.
constexpr std::string_view v4_table =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
    "   0: 010712C6:13E4 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n"
    "   1: 010712C6:B5E2 020712C6:13E4 01 00000000:00000000 00:00000000 00000000     0\n"
    "   2: 010712C6:B5E4 020712C6:13E4 01 00035B60:00000000 01:00000014 00000000     0\n"
    "   3: 010712C6:B5E6 020712C6:13E4 06 00000000:00000000 03:00000E20 00000000     0\n"
    "   4: 010712C6:B5E8 020712C6:13E5 01 00000000:00000000 00:00000000 00000000     0\n"
    "   5: 010712C6:B5EA 030712C6:13E4 01 00000000:00000000 00:00000000 00000000     0\n";
constexpr std::string_view v6_table =
    "  sl  local_address                         remote_address                        st\n"
    "   0: 6F6E00FD000007000000000001000000:B5E2 6F6E00FD000007000000000002000000:13E4 01\n";

bool little_endian() {
  return std::endian::native == std::endian::little;
}

TEST(TcpTable, CountsWhatIsEstablishedToThatAddressAndPort) {
  if (!little_endian()) GTEST_SKIP() << "the tables here were written by a little-endian kernel";
  EXPECT_EQ(established_in(v4_table, Endpoint::v4({198, 18, 7, 2}, 5092)), 2U);
  EXPECT_EQ(established_in(v4_table, Endpoint::v4({198, 18, 7, 2}, 5093)), 1U);
  EXPECT_EQ(established_in(v4_table, Endpoint::v4({198, 18, 7, 1}, 5092)), 0U);
  const Endpoint v6{.address = {0xfd, 0, 0x6e, 0x6f, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
                    .port = 5092,
                    .scope_id = 7};
  EXPECT_EQ(established_in(v6_table, v6), 1U);
}

TEST(TcpTable, PassesOverWhatIsNoConnection) {
  const auto target = Endpoint::v4({0, 0, 0, 0}, 0);
  for (const std::string_view text :
       {"", "\n\n", "   ", "1: 2 3 01", "0: 0000:0000 00000000: 01", "0: x 0000000G:0000 01",
        "0: x 00000000:10000 01", "0: x 000000000:0000 01", "0: x :0000 01",
        "0: x 00000000:0000"}) {
    EXPECT_EQ(established_in(text, target), 0U) << text;
  }
  EXPECT_EQ(established_in("0: x 00000000:0000 01", target), 1U);
}

}  // namespace
}  // namespace netobs::conditions
