#include "app/capture_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "linux/capture/capture_reader.hpp"

namespace netobs::app {
namespace {

using ::testing::IsEmpty;

constexpr std::uint16_t ssid = 7;
constexpr std::uint32_t first_sequence = 4'000'000'000;

class CaptureLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(log.open({.path = path}, {.ssid = ssid,
                                          .first_sequence = first_sequence,
                                          .interface = "eth0",
                                          .application = "test",
                                          .command_line = "test"}));
  }
  void TearDown() override { std::filesystem::remove(path); }

  void take(std::uint32_t probe, std::size_t size = 60) {
    const std::vector<std::byte> bytes(size);
    log.take({.ns = ++now_ns,
              .original_size = static_cast<std::uint32_t>(size),
              .link = capture::LinkType::ethernet,
              .bytes = bytes},
             {.ns = now_ns,
              .peer = {},
              .sequence = first_sequence + probe,
              .ssid = ssid,
              .point = Point::pcap_tx});
  }
  void close(std::uint32_t first, std::uint32_t count) {
    std::vector<ProbeRecord> records(count);
    for (std::uint32_t i = 0; i < count; ++i) records[i].sequence = first + i;
    log.keep(records);
  }
  [[nodiscard]] std::uint64_t packets_in_file() const {
    auto reader = CaptureReader::open(path);
    if (!reader) return 0;
    for (auto packet = reader->next(); packet && *packet;) packet = reader->next();
    return reader->packets();
  }

  std::string path = std::filesystem::temp_directory_path() /
                     ("netobs-capture-log-" + std::to_string(::getpid()) + ".pcapng");
  CaptureLog log;
  std::int64_t now_ns = 1'796'000'000'000'000'000;
};

TEST_F(CaptureLogTest, PacketsBehindALostProbeAreKeptUntilItsRecordCloses) {
  constexpr std::uint32_t probes = 20'000;  // more than the hot thread may leave unread
  for (std::uint32_t i = 0; i < probes; ++i) {
    take(i);
    if (i % 1000 == 999) log.gather();
  }
  close(0, probes);
  log.finish(0);
  EXPECT_THAT(log.troubles(), IsEmpty());
  EXPECT_EQ(packets_in_file(), probes);
}

TEST_F(CaptureLogTest, WhatFindsNoRoomIsCounted) {
  constexpr std::uint32_t probes = 5'000;
  for (std::uint32_t i = 0; i < probes; ++i) take(i);
  close(0, probes);
  log.finish(0);
  ASSERT_EQ(log.troubles().size(), 1U);
  EXPECT_THAT(log.troubles().front(), ::testing::HasSubstr("are not in the capture"));
  EXPECT_LT(packets_in_file(), probes);
}

TEST_F(CaptureLogTest, PacketsThatCannotWaitForTheirRecordsAreNotCalledUnmeasured) {
  constexpr std::size_t size = 2000;
  constexpr std::uint32_t probes = 40'000;  // 80 MB
  for (std::uint32_t i = 0; i < probes; ++i) {
    take(i, size);
    if (i % 1000 == 999) log.gather();
  }
  close(0, probes);
  log.finish(0);
  EXPECT_EQ(packets_in_file(), probes);
  ASSERT_EQ(log.troubles().size(), 1U);
  EXPECT_THAT(log.troubles().front(), ::testing::HasSubstr("have no comment"));
}

}  // namespace
}  // namespace netobs::app
