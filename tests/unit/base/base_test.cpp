#include <gtest/gtest.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "core/base/serial.hpp"
#include "core/base/spsc_ring.hpp"

namespace netobs {
namespace {

TEST(Error, TellsTheSameInOneLineOrTwo) {
  const Error error{
      .what = "open it", .sys_errno = ENOENT, .cause = "It is gone.", .remedy = "Make it."};
  EXPECT_EQ(error.sentence(), "open it: No such file or directory. It is gone. Make it.");
  EXPECT_EQ(error.message(), "open it: No such file or directory\n        It is gone. Make it.");
  const Error bare{.what = "open it", .cause = "", .remedy = ""};
  EXPECT_EQ(bare.sentence(), "open it");
}

TEST(Bytes, BigEndianRoundTrip) {
  std::array<std::byte, 12> bytes{};
  store_be<std::uint64_t>(bytes, 2, 0x0102030405060708ULL);
  EXPECT_EQ(bytes[2], std::byte{1});
  EXPECT_EQ(bytes[9], std::byte{8});
  EXPECT_EQ(load_be<std::uint64_t>(bytes, 2), 0x0102030405060708ULL);
  EXPECT_EQ(load_be<std::uint16_t>(bytes, 2), 0x0102);
}

TEST(BytesDeathTest, OutOfBoundsStops) {
  std::array<std::byte, 4> bytes{};
  EXPECT_DEATH((void)load_be<std::uint32_t>(bytes, 1), "offset 1 size 4");
}

TEST(Serial, UnwrapsAcrossTheWrapInBothDirections) {
  EXPECT_EQ(unwrap_serial(5, 0x1'0000'0003ULL), 0x1'0000'0005ULL);
  EXPECT_EQ(unwrap_serial(2, 0xffff'fff0ULL), 0x1'0000'0002ULL);
  EXPECT_EQ(unwrap_serial(0xffff'fff0U, 0x1'0000'0002ULL), 0xffff'fff0ULL);
  EXPECT_EQ(unwrap_serial(0xffff'ffffU, 3), 0xffff'ffffULL) << "nothing lies before zero";
}

TEST(Endpoint, TextIsCanonical) {
  EXPECT_EQ(Endpoint::v4({198, 18, 0, 2}, 862).text(), "198.18.0.2:862");
  Endpoint v6;
  v6.port = 862;
  EXPECT_EQ(v6.text(), "[::]:862");
  v6.address = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(v6.address_text(), "2001:db8::1:0:0:1") << "RFC 5952: the first of the longest runs";
  v6.address = {0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7};
  EXPECT_EQ(v6.address_text(), "0:1:2:3:4:5:6:7") << "one zero group is not shortened";
}

TEST(SpscRing, RefusesWhenFullAndKeepsOrder) {
  SpscRing<int> ring(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.push(i));
  EXPECT_FALSE(ring.push(4));
  std::array<int, 3> out{};
  ASSERT_EQ(ring.pop(out), 3U);
  EXPECT_EQ(out, (std::array{0, 1, 2}));
  EXPECT_TRUE(ring.push(4));
  ASSERT_EQ(ring.pop(out), 2U);
  EXPECT_EQ(out[1], 4);
}

TEST(SpscRing, TwoThreadsLoseNothing) {
  constexpr std::uint64_t count = 1'000'000;
  SpscRing<std::uint64_t> ring(1024);
  std::thread producer([&ring] {
    for (std::uint64_t i = 0; i < count;) {
      if (ring.push(i)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t expected = 0;
  std::array<std::uint64_t, 64> out{};
  while (expected < count) {
    const auto taken = ring.pop(out);
    if (taken == 0) std::this_thread::yield();
    for (std::size_t i = 0; i < taken; ++i) ASSERT_EQ(out[i], expected++);
  }
  producer.join();
}

}  // namespace
}  // namespace netobs
