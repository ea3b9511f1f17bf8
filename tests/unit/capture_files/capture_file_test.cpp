#include "linux/capture/capture_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "read_captures.hpp"

namespace netobs::capture_test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class CaptureFileTest : public testing::Test {
 protected:
  CaptureFileTest() {
    std::string name = (fs::temp_directory_path() / "netobs-capture-XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~CaptureFileTest() override { fs::remove_all(folder); }

  [[nodiscard]] std::string path(const std::string& name) const { return (folder / name).string(); }
  [[nodiscard]] CaptureFileSettings settings(const std::string& name) const {
    return {.path = path(name), .interfaces = {{.name = "a"}, {.name = "b"}}};
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder))
      found.push_back(entry.path().filename());
    std::ranges::sort(found);
    return found;
  }

  fs::path folder;
};

const std::string data(1000, 'x');

capture::pcapng::Packet packet(std::int64_t ns) {
  return {
      .interface_id = 1, .ns = ns, .original_size = 1200, .bytes = std::as_bytes(std::span(data))};
}

TEST_F(CaptureFileTest, OneFileReadsBack) {
  std::ofstream(path("run.pcapng")) << "older and longer than what comes";
  {
    auto file = CaptureFile::open(settings("run.pcapng")).value();
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(file.write(packet(i)));
    EXPECT_EQ(file.written(), 1000U);
    file.set_statistics(1, {.end_ns = 5, .dropped = 1});
    ASSERT_TRUE(file.finish());
    ASSERT_TRUE(file.finish());
  }
  const auto read = read_path(path("run.pcapng"));
  EXPECT_EQ(read.error + read.ended_early, "");
  ASSERT_EQ(read.packets.size(), 1000U);
  EXPECT_EQ(read.packets[999], (ReadPacket{999, 1200, data}));
  EXPECT_THAT(names(), ElementsAre("run.pcapng"));
}

TEST_F(CaptureFileTest, RingOfCompleteFiles) {
  auto of = settings("run.pcapng");
  of.most_bytes = 5000;  // four packets
  of.most_files = 3;
  std::ofstream(path("run_00002.pcapng")) << "of an earlier run";
  auto file = CaptureFile::open(of).value();
  file.set_statistics(0, {.end_ns = 5, .received = 1, .dropped = 1});
  for (int i = 0; i < 18; ++i) ASSERT_TRUE(file.write(packet(i)));
  ASSERT_TRUE(file.finish());
  EXPECT_EQ(file.written(), 18U);
  EXPECT_THAT(names(), ElementsAre("run_00003.pcapng", "run_00004.pcapng", "run_00005.pcapng"));
  EXPECT_THAT(file.files(), ElementsAre(path("run_00003.pcapng"), path("run_00004.pcapng"),
                                        path("run_00005.pcapng")));
  std::int64_t ns = 8;
  for (const auto& name : file.files()) {
    EXPECT_LE(fs::file_size(name), 5000U);
    const auto read = read_path(name);
    EXPECT_EQ(read.error + read.ended_early, "");
    for (const auto& each : read.packets) EXPECT_EQ(each.ns, ns++);
  }
  EXPECT_EQ(ns, 18);
}

TEST_F(CaptureFileTest, NumbersStandInFrontOfTheExtension) {
  for (const auto& [name, second] : {std::pair{"plain", "plain_00002"},
                                     {".hidden", ".hidden_00002"},
                                     {"a.b.cap", "a.b_00002.cap"}}) {
    auto of = settings(name);
    of.most_bytes = 1;  // one packet each
    auto file = CaptureFile::open(of).value();
    ASSERT_TRUE(file.write(packet(1)) && file.write(packet(2)) && file.finish());
    EXPECT_THAT(file.files(), ElementsAre(path(name), path(second)));
    EXPECT_EQ(read_path(path(second)).packets.size(), 1U);
  }
}

TEST_F(CaptureFileTest, ANumberedFileIsNotWrittenThroughALink) {
  auto of = settings("run.pcapng");
  of.most_bytes = 1;
  std::ofstream(path("victim")) << "precious";
  fs::create_symlink(path("victim"), path("run_00002.pcapng"));
  auto file = CaptureFile::open(of).value();
  ASSERT_TRUE(file.write(packet(1)) && file.write(packet(2)) && file.finish());
  EXPECT_EQ(fs::file_size(path("victim")), 8U);
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(path("run_00002.pcapng"))));
}

TEST_F(CaptureFileTest, WhatCannotBeOpenedHasARemedy) {
  const auto nowhere = CaptureFile::open(settings("missing/run.pcapng"));
  ASSERT_FALSE(nowhere);
  EXPECT_THAT(nowhere.error().message(), HasSubstr("Make its folder."));
  const auto full = CaptureFile::open({.path = "/dev/full", .interfaces = {{}}});
  ASSERT_FALSE(full);
  EXPECT_THAT(full.error().message(), HasSubstr("Make room"));
}

/// Octets that this process may write into one file, and no signal beyond.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t octets) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = octets;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  FileSizeLimit(FileSizeLimit&&) = delete;
  FileSizeLimit& operator=(FileSizeLimit&&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(CaptureFileTest, APipeThatNobodyReadsIsAnErrorAndNoWait) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const auto file = CaptureFile::open(settings("pipe"));
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().remedy, HasSubstr("start what does first"));
}

TEST_F(CaptureFileTest, AFullDiskIsSaidOnceAndLeavesWholeBlocks) {
  constexpr int packets = 2000;
  auto file = CaptureFile::open(settings("run.pcapng")).value();
  int errors = 0;
  {
    const FileSizeLimit limit(1'000'000);
    for (int i = 0; i < packets; ++i) errors += file.write(packet(i)) ? 0 : 1;
    errors += file.finish() ? 0 : 1;
  }
  EXPECT_EQ(errors, 1);
  const auto read = read_path(path("run.pcapng"));
  EXPECT_EQ(read.error + read.ended_early, "");
  EXPECT_GT(read.packets.size(), 500U);
  EXPECT_EQ(read.packets.size(), file.written());
  EXPECT_EQ(file.written() + file.not_written(), static_cast<std::uint64_t>(packets));
}

TEST_F(CaptureFileTest, AFolderThatGoesIsSaidOnce) {
  auto of = settings("run.pcapng");
  of.most_bytes = 5000;
  auto file = CaptureFile::open(of).value();
  int errors = 0;
  for (int i = 0; i < 40; ++i) {
    if (i == 10) fs::remove_all(folder);
    errors += file.write(packet(i)) ? 0 : 1;
  }
  EXPECT_EQ(errors, 1);
  EXPECT_TRUE(file.finish());
  EXPECT_EQ(file.written(), 12U);  // three files of four
  EXPECT_EQ(file.not_written(), 28U);
}

TEST_F(CaptureFileTest, WhatIsKilledCanBeReadUpToTheLastBlock) {
  auto file = CaptureFile::open(settings("run.pcapng")).value();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(file.write(packet(i)));
  const auto read = read_path(path("run.pcapng"));  // what a kill would leave now
  EXPECT_EQ(read.error + read.ended_early, "");
  EXPECT_GT(read.packets.size(), 700U);
  ASSERT_TRUE(file.flush());
  EXPECT_EQ(read_path(path("run.pcapng")).packets.size(), 1000U);
}

}  // namespace
}  // namespace netobs::capture_test
