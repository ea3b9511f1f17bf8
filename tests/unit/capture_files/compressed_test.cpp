#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "capture_bytes.hpp"
#include "read_captures.hpp"

namespace netobs::capture_test {
namespace {

using testing::HasSubstr;

using AddFilter = int (*)(archive*);
struct Compression {
  const char* name;
  AddFilter add;
};
constexpr std::array<Compression, 5> compressions{{{"gzip", ::archive_write_add_filter_gzip},
                                                   {"zstd", ::archive_write_add_filter_zstd},
                                                   {"xz", ::archive_write_add_filter_xz},
                                                   {"bzip2", ::archive_write_add_filter_bzip2},
                                                   {"lz4", ::archive_write_add_filter_lz4}}};

std::string compress(const std::string& octets, AddFilter add) {
  std::string out(octets.size() + 4096, '\0');
  std::size_t used = 0;
  archive* writer = ::archive_write_new();
  add(writer);
  ::archive_write_set_format_raw(writer);
  ::archive_write_set_bytes_in_last_block(writer, 1);
  ::archive_write_open_memory(writer, out.data(), out.size(), &used);
  archive_entry* entry = ::archive_entry_new();
  ::archive_entry_set_filetype(entry, AE_IFREG);
  ::archive_write_header(writer, entry);
  ::archive_write_data(writer, octets.data(), octets.size());
  ::archive_entry_free(entry);
  EXPECT_EQ(::archive_write_close(writer), ARCHIVE_OK);
  ::archive_write_free(writer);
  out.resize(used);
  return out;
}

/// More than any buffer on the way, and not too easy to compress.
std::string large_capture(std::uint32_t packets) {
  std::string out = pcap_header(Order::little, pcap_nano);
  std::uint32_t state = 1;
  for (std::uint32_t i = 0; i < packets; ++i) {
    std::string bytes;
    for (int octet = 0; octet < 64; ++octet) {
      state = state * 1'664'525U + 1'013'904'223U;
      bytes += static_cast<char>(state >> 24U);
    }
    out += pcap_packet(Order::little, 1'700'000'000 + i, i, bytes);
  }
  return out;
}

TEST(CompressedCapture, ReadsAsThePlainOneDoes) {
  constexpr std::uint32_t packets = 20'000;
  const auto plain = large_capture(packets);
  const auto expected = read_octets(plain);
  ASSERT_EQ(expected.packets.size(), packets);
  EXPECT_EQ(expected.packets[7].ns, 1'700'000'007'000'000'007);
  for (const auto& [name, add] : compressions) {
    const auto compressed = compress(plain, add);
    const auto read = read_octets(compressed);
    EXPECT_EQ(read.error + read.ended_early, "") << name;
    EXPECT_EQ(read.packets, expected.packets) << name;
    EXPECT_EQ(read.file_size, compressed.size()) << name;
    EXPECT_EQ(read.bytes_read, compressed.size()) << name;
  }
}

TEST(CompressedCapture, CutOffCountsWhatCameBefore) {
  constexpr std::uint32_t packets = 60'000;  // more than a block of lz4, which has 4 MiB
  const auto plain = large_capture(packets);
  for (const auto& [name, add] : compressions) {
    auto compressed = compress(plain, add);
    compressed.resize(compressed.size() / 10 * 9);
    const auto read = read_octets(compressed);
    EXPECT_EQ(read.error, "") << name;
    EXPECT_GT(read.packets.size(), packets / 2) << name;
    EXPECT_LT(read.packets.size(), packets) << name;
    EXPECT_THAT(read.ended_early, HasSubstr(name)) << name;
  }
}

TEST(CompressedCapture, SmallOnesCutAnywhereAndOddContents) {
  const auto plain = pcap_header(Order::little, pcap_nano) +
                     pcap_packet(Order::little, 1, 1, std::string(60, 'a'));
  for (const auto& [name, add] : compressions) {
    const auto compressed = compress(plain, add);
    for (std::size_t size = 0; size < compressed.size(); ++size) {
      const auto read = read_octets(compressed.substr(0, size));
      EXPECT_LE(read.packets.size(), 1U);
      EXPECT_NE(read.error + read.ended_early, "") << name << ' ' << size;
    }
    // libarchive 3.6 cannot write lz4 of nothing.
    if (add != ::archive_write_add_filter_lz4) {
      EXPECT_THAT(read_octets(compress("", add)).error, HasSubstr("It is empty.")) << name;
    }
    EXPECT_THAT(read_octets(compress("a line of a log, said twice, said twice\n", add)).error,
                HasSubstr("a log?"))
        << name;
  }
}

TEST(CompressedCapture, APipeIsReadAsAFileIs) {
  const auto plain = large_capture(2'000);
  const auto compressed = compress(plain, ::archive_write_add_filter_gzip);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const os::Fd from(ends[0]);
  std::thread writer([&, to = os::Fd(ends[1])] {
    for (std::size_t at = 0; at < compressed.size(); at += 1'000) {
      const auto part = compressed.substr(at, 1'000);
      if (::write(to.get(), part.data(), part.size()) <= 0) return;
    }
  });
  const auto read = read_path("/proc/self/fd/" + std::to_string(from.get()));
  writer.join();
  EXPECT_EQ(read.packets.size(), 2'000U);
  EXPECT_EQ(read.file_size, 0U);  // not known
  EXPECT_EQ(read.error + read.ended_early, "");
}

}  // namespace
}  // namespace netobs::capture_test
