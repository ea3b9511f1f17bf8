// What stands in front of a frame: the layouts that the kernel and our XDP program fix, and that
// nothing of an earlier frame is read for a later one.

#include "linux/transport/af_xdp/xsk_metadata.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace netobs::test {
namespace {

constexpr std::size_t metadata_bytes = 24;
/// As much as stands in front of a frame with an IPv4 header.
constexpr std::size_t front_bytes = 86;

/// In host byte order, as the kernel writes it.
void put(std::span<std::byte> to, std::size_t at, std::uint64_t value) {
  std::memcpy(to.subspan(at).data(), &value, sizeof value);
}
std::uint64_t get(std::span<const std::byte> from, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, from.subspan(at).data(), sizeof value);
  return value;
}

TEST(XskMetadata, ARequestStandsRightBeforeTheFrameAndTouchesNothingElse) {
  std::array<std::byte, front_bytes> front{};
  front.fill(std::byte{0xee});
  xsk::ask_for_time(front, true);
  constexpr std::size_t at = front_bytes - metadata_bytes;
  EXPECT_EQ(get(front, at), 1U);  // XDP_TXMD_FLAGS_TIMESTAMP
  EXPECT_EQ(get(front, at + 8), 0U);
  EXPECT_EQ(get(front, at + 16), 0U);
  EXPECT_TRUE(std::all_of(front.begin(), front.begin() + at,
                          [](std::byte octet) { return octet == std::byte{0xee}; }));
}

TEST(XskMetadata, NothingIsAskedOfADriverForAFrameThatNeedsNoTime) {
  std::array<std::byte, front_bytes> front{};
  front.fill(std::byte{0xee});
  xsk::ask_for_time(front, false);
  constexpr std::size_t at = front_bytes - metadata_bytes;
  EXPECT_EQ(get(front, at), 0U);
  EXPECT_EQ(get(front, at + 8), 0U);
}

TEST(XskMetadata, TheDriversTimeComesBackInTheSecondField) {
  std::array<std::byte, front_bytes> front{};
  xsk::ask_for_time(front, true);
  EXPECT_EQ(xsk::completed_time(front), std::nullopt);
  put(front, front_bytes - metadata_bytes + 8, 1'700'000'000'000'000'123);
  EXPECT_EQ(xsk::completed_time(front), 1'700'000'000'000'000'123);
  // The next frame in that place starts without it.
  xsk::ask_for_time(front, true);
  EXPECT_EQ(xsk::completed_time(front), std::nullopt);
}

TEST(XskMetadata, NoTimeWhereThereIsNoRoomForOne) {
  std::array<std::byte, metadata_bytes - 1> front{};
  front.fill(std::byte{1});
  EXPECT_EQ(xsk::completed_time(front), std::nullopt);
  EXPECT_EQ(xsk::completed_time({}), std::nullopt);
}

std::array<std::byte, metadata_bytes> received(std::uint64_t ns, std::uint64_t hardware_ns) {
  std::array<std::byte, metadata_bytes> front{};
  put(front, 0, ns);
  put(front, 8, hardware_ns);
  put(front, 16, 0x4e4f4253);  // NETOBS_XDP_MAGIC, then zero
  return front;
}

TEST(XskMetadata, ReceiveTimesAreTakenOnce) {
  auto front = received(123'456'789, 37'000'000'001);
  const auto times = xsk::take_receive_times(front);
  ASSERT_TRUE(times.has_value());
  EXPECT_EQ(times->ns, 123'456'789);
  EXPECT_EQ(times->hardware_ns, 37'000'000'001);
  EXPECT_EQ(xsk::take_receive_times(front), std::nullopt);
}

TEST(XskMetadata, AFrameWithoutTheNicsTimeHasTheProgramsAlone) {
  auto front = received(5, 0);
  const auto times = xsk::take_receive_times(front);
  ASSERT_TRUE(times.has_value());
  EXPECT_EQ(times->ns, 5);
  EXPECT_EQ(times->hardware_ns, 0);
}

TEST(XskMetadata, WhatTheProgramDidNotMarkIsNotRead) {
  auto front = received(5, 6);
  front[16] ^= std::byte{1};
  const auto before = front;
  EXPECT_EQ(xsk::take_receive_times(front), std::nullopt);
  EXPECT_EQ(front, before);
}

}  // namespace
}  // namespace netobs::test
