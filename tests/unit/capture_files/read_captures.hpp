#pragma once
// A capture's octets through a file and the reader, into what can be compared.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "linux/capture/capture_reader.hpp"
#include "linux/os/fd.hpp"

namespace netobs::capture_test {

/// A file in memory with a name to open.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& octets) : fd_(::memfd_create("capture", MFD_CLOEXEC)) {
    std::size_t written = 0;
    while (written < octets.size()) {
      const auto count = ::write(fd_.get(), octets.data() + written, octets.size() - written);
      if (count <= 0) break;
      written += static_cast<std::size_t>(count);
    }
  }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

 private:
  os::Fd fd_;
};

struct ReadPacket {
  std::int64_t ns = 0;
  std::uint32_t original_size = 0;
  std::string bytes;
  friend bool operator==(const ReadPacket&, const ReadPacket&) = default;
};

struct ReadCapture {
  std::vector<ReadPacket> packets;
  std::string error;  ///< of open() or next(): its message
  bool opened = false;
  std::string ended_early;
  std::string link;
  std::uint32_t snap_length = 0;
  std::int64_t resolution_ns = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t file_size = 0;
};

inline ReadCapture read_path(const std::string& path) {
  ReadCapture out;
  auto reader = CaptureReader::open(path);
  if (!reader) {
    out.error = reader.error().message();
    return out;
  }
  out.opened = true;
  for (;;) {
    const auto packet = reader->next();
    if (!packet) out.error = packet.error().message();
    if (!packet || !*packet) break;
    const auto& bytes = (*packet)->bytes;
    std::string text;
    for (const auto byte : bytes) text += static_cast<char>(byte);
    out.packets.push_back({(*packet)->ns, (*packet)->original_size, text});
  }
  const auto after = reader->next();  // the end stays the end
  if (!after || *after) out.error += " (went on after its end)";
  out.ended_early = reader->ended_early().value_or("");
  out.link = reader->link_description();
  out.snap_length = reader->snap_length();
  out.resolution_ns = reader->resolution_ns();
  out.bytes_read = reader->bytes_read();
  out.file_size = reader->file_size().value_or(0);
  return out;
}

inline ReadCapture read_octets(const std::string& octets) {
  const MemoryFile file(octets);
  return read_path(file.path());
}

}  // namespace netobs::capture_test
