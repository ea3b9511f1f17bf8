// The captures that are written here, as Wireshark's programs read them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "linux/capture/capture_file.hpp"
#include "linux/os/subprocess.hpp"
#include "unit/wire/hex.hpp"

namespace netobs {
namespace {

using testing::HasSubstr;

std::string output(const std::vector<std::string>& arguments) {
  const auto result = os::run_process(arguments, "");
  return result ? result->text : "";
}

class WiresharkReads : public testing::Test {
 protected:
  void SetUp() override {
    if (!os::run_process({"tshark", "--version"}, "") ||
        !os::run_process({"capinfos", "--version"}, "")) {
      GTEST_SKIP() << "needs tshark and capinfos; install the package tshark";
    }
    folder_ = os::TemporaryFolder::make().value();
    path_ = folder_->path() + "/run.pcapng";
    write();
  }

  void write() {
    using capture::Direction;
    auto file = CaptureFile::open({.path = path_,
                                   .section = {.os = "Linux 6.1.0", .application = "netobs test"},
                                   .interfaces = {{.snap_length = 128,
                                                   .name = "veth-a",
                                                   .description = "the sender",
                                                   .filter = "udp port 862"}}})
                    .value();
    const auto frame = wire_test::bytes(
        "020000000002 020000000001 0800 4500001f00004000ff11efa5 c6120001 c6120002"
        "4e20035e000b1e30 010203");
    const auto put = [&](std::int64_t ns, Direction direction, const char* comment) {
      ASSERT_TRUE(file.write({.interface_id = 0,
                              .ns = ns,
                              .original_size = 1500,
                              .bytes = frame,
                              .direction = direction,
                              .comment = comment}));
    };
    put(1'700'000'000'123'456'789, Direction::outgoing, "probe 7, \xc2\xb5 and all");
    put(1'700'000'000'123'456'790, Direction::incoming, "");
    put(1'700'000'000'123'456'791, Direction::unknown, "");
    file.set_statistics(0, {.start_ns = 1'700'000'000'000'000'000,
                            .end_ns = 1'700'000'001'000'000'000,
                            .received = 5,
                            .dropped = 2});
    ASSERT_TRUE(file.finish());
  }

  std::unique_ptr<os::TemporaryFolder> folder_;
  std::string path_;
};

TEST_F(WiresharkReads, TimesDirectionsAndComments) {
  const auto text = output({"tshark", "-n",
                            "-r",     path_,
                            "-T",     "fields",
                            "-E",     "separator=|",
                            "-e",     "frame.time_epoch",
                            "-e",     "frame.packet_flags_direction",
                            "-e",     "frame.comment",
                            "-e",     "frame.interface_name",
                            "-e",     "frame.len",
                            "-e",     "udp.dstport"});
  EXPECT_THAT(text, HasSubstr("1700000000.123456789|0x00000002|probe 7, \xc2\xb5 and all|veth-a|"
                              "1500|862\n"));
  EXPECT_THAT(text, HasSubstr("1700000000.123456790|0x00000001||veth-a|1500|862\n"));
  EXPECT_THAT(text, HasSubstr("1700000000.123456791|||veth-a|1500|862\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("alformed")));
}

TEST_F(WiresharkReads, WhatTheFileSaysOfItself) {
  const auto text = output({"capinfos", path_});
  for (const auto* line :
       {"netobs test", "Linux 6.1.0", "veth-a", "the sender", "udp port 862",
        "Time precision = nanoseconds (9)", "Capture length = 128", "Number of packets = 3",
        "Number of stat entries = 1", "Encapsulation = Ethernet"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

}  // namespace
}  // namespace netobs
