#pragma once
// --write: the run's packets as a capture, each with what the run measured of it.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/base/spsc_ring.hpp"
#include "core/layer/record.hpp"
#include "linux/capture/capture_file.hpp"
#include "linux/capture/capture_hooks.hpp"

namespace netobs::app {

struct CaptureRequest {
  std::string path;                        ///< empty = no capture is written
  std::uint64_t most_bytes = 250'000'000;  ///< per file
  std::uint32_t most_files = 16;           ///< the oldest make room
};

/// Packets of a run on their way to a file: taken by the hot thread, written by the record thread
/// once the probe's record is closed. What comes faster than it can be written is counted.
class CaptureLog {
 public:
  /// Octets kept of a packet.
  static constexpr std::uint32_t snap_bytes = 2048;

  CaptureLog();

  /// Hot thread, never blocks.
  void take(const CapturedPacket& packet, const HookEvent& event);

  struct Session {
    std::uint16_t ssid = 0;
    std::uint32_t first_sequence = 0;
    std::string interface;
    std::string application;  ///< "netobs 0.1.0"
    std::string command_line;
  };
  /// Before the first record; packets of other sessions are left out from here on.
  [[nodiscard]] Result<void> open(const CaptureRequest& request, const Session& session);

  /// Record thread, often: takes in what the hot thread has left, which has little room. What has
  /// no record yet waits for it.
  void gather();
  /// Record thread: writes what these records complete.
  void keep(std::span<const ProbeRecord> records);
  /// After the run, by any thread. dropped: packets that found the kernel's buffer full.
  void finish(std::uint64_t dropped);

  /// After finish(): "4 000 packets in run.pcapng".
  [[nodiscard]] std::string description() const;
  /// What went wrong, in sentences.
  [[nodiscard]] const std::vector<std::string>& troubles() const { return troubles_; }

 private:
  struct Slot {
    std::int64_t ns = 0;
    std::uint32_t original_size = 0;
    std::uint32_t captured = 0;
    std::uint32_t sequence = 0;  // the sender's, on the wire
    std::uint16_t ssid = 0;
    capture::LinkType link = capture::LinkType::ethernet;
    bool reply = false;
    std::array<std::byte, snap_bytes> bytes;
  };
  struct Frame {
    std::int64_t ns = 0;
    std::uint32_t original_size = 0;
    std::uint64_t probe = 0;
    bool reply = false;
    std::vector<std::byte> bytes;
  };

  void collect(const Slot& slot);
  void write_ready(bool everything);
  void write(const Frame& frame, bool ended);  // ended: no more records come
  [[nodiscard]] const ProbeRecord* record_of(std::uint64_t probe) const;
  void note(const Result<void>& outcome);

  SpscRing<Slot> ring_;
  std::vector<Slot> batch_;
  Slot incoming_{};  // hot thread
  std::atomic<std::uint64_t> lost_{0};
  std::optional<Session> session_;
  std::optional<CaptureFile> file_;
  std::deque<Frame> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::deque<ProbeRecord> closed_;  // without a gap
  std::uint64_t next_record_ = 0;
  std::int64_t first_ns_ = 0;
  std::int64_t last_ns_ = 0;
  std::uint64_t uncommented_ = 0;
  std::vector<std::string> troubles_;
};

}  // namespace netobs::app
