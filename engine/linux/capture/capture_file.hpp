#pragma once
// Captures on disk: pcapng, in one file or in a ring of them.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/capture/pcapng_writer.hpp"
#include "linux/os/fd.hpp"

namespace netobs {

struct CaptureFileSettings {
  /// As with `tcpdump -w`: a file of this name is overwritten.
  std::string path{};
  /// Octets that a file may have; 0: any number, in one file. After `run.pcapng` come
  /// `run_00002.pcapng` and so on: dumpcap's place and digits for the number, and by name they
  /// stand in the order of time. Files of these names are replaced. A file has one packet at least.
  std::uint64_t most_bytes = 0;
  /// Files of this run that stay, the youngest ones; 0: all.
  std::uint32_t most_files = 0;
  capture::pcapng::Section section{};
  std::vector<capture::pcapng::Interface> interfaces{};  ///< at least one (checked)
};

/// Each file is complete by itself: it has the section, the interfaces and, once it is finished,
/// their statistics. Blocks go out whole and 256 KiB at a time, so what a killed process leaves is
/// readable, short of what was in the buffer: flush() now and then. Writing may wait for the disk.
/// For one thread at a time.
class CaptureFile {
 public:
  [[nodiscard]] static Result<CaptureFile> open(CaptureFileSettings settings);
  ~CaptureFile();  ///< as finish(), without its error
  CaptureFile(CaptureFile&& other) noexcept;
  CaptureFile& operator=(CaptureFile&&) = delete;
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;

  /// The first time that something cannot be written (disk full, folder gone) this is an error, and
  /// the file ends with the last octets that could be. From then on packets are counted only.
  [[nodiscard]] Result<void> write(const capture::pcapng::Packet& packet);
  /// What finishing a file writes about an interface. Cumulative over the files, like the counters
  /// it comes from.
  void set_statistics(std::uint32_t interface_id, const capture::pcapng::Statistics& statistics);
  /// Hands what is buffered to the kernel.
  [[nodiscard]] Result<void> flush();
  /// Statistics, and the end: write() must not follow. Twice does nothing.
  [[nodiscard]] Result<void> finish();

  [[nodiscard]] std::uint64_t written() const {
    return written_;
  }  ///< packets in files, or in the buffer
  [[nodiscard]] std::uint64_t not_written() const { return not_written_; }
  [[nodiscard]] const std::deque<std::string>& files() const { return files_; }  ///< oldest first
  [[nodiscard]] std::uint32_t removed_files() const { return removed_files_; }

 private:
  struct NamedStatistics {
    std::uint32_t interface_id = 0;
    capture::pcapng::Statistics statistics;
  };

  explicit CaptureFile(CaptureFileSettings settings) : settings_(std::move(settings)) {}
  [[nodiscard]] std::string numbered_path() const;
  [[nodiscard]] Result<void> begin_file();
  [[nodiscard]] Result<void> end_file();
  [[nodiscard]] Result<void> give_up(Error error);
  void remove_oldest();

  CaptureFileSettings settings_;
  os::Fd fd_;
  std::vector<std::byte> buffer_;
  std::vector<std::byte> block_;  // the packet that is being written, before it is known where
  std::deque<std::string> files_;
  std::vector<NamedStatistics> statistics_;
  std::uint64_t file_bytes_ = 0;    // of the current file, without the buffer
  std::uint64_t file_packets_ = 0;  // in the current file and the buffer
  std::uint64_t buffered_packets_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t not_written_ = 0;
  std::uint32_t file_number_ = 0;
  std::uint32_t removed_files_ = 0;
  bool given_up_ = false;
  bool finished_ = false;
};

}  // namespace netobs
