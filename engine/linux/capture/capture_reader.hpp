#pragma once
// Captures as a stream of packets: pcap and pcapng (libpcap), plain or compressed (libarchive),
// from a file or standard input.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/result.hpp"
#include "core/capture/link_frame.hpp"

namespace netobs {

struct CapturedPacket {
  std::int64_t ns = 0;              ///< since 1970, by the clock of the capturing host; saturated
  std::uint32_t original_size = 0;  ///< on the wire, octets; `bytes` holds as many or fewer
  capture::LinkType link = capture::LinkType::ethernet;
  std::span<const std::byte> bytes{};  ///< until the next call of the reader
};

/// Reads one capture, front to back, in bounded memory however large it is or says it is: 16 MiB
/// for a block of pcapng, 65,536 interfaces, and what UnpackedFile takes. Not thread-safe; each
/// reader may have a thread of its own.
class CaptureReader {
 public:
  /// Opens a file, or standard input by the name "-". Compressed with gzip, zstd, xz, bzip2 or lz4
  /// is fine. Errors: cannot be read, no capture, a link type that carries no IP or is not known
  /// here.
  [[nodiscard]] static Result<CaptureReader> open(const std::string& path);
  ~CaptureReader();
  CaptureReader(CaptureReader&&) noexcept;
  CaptureReader& operator=(CaptureReader&&) noexcept;
  CaptureReader(const CaptureReader&) = delete;
  CaptureReader& operator=(const CaptureReader&) = delete;

  /// The next packet; nullopt at the end, and then always. A capture that stops being readable ends
  /// there as well, see ended_early(). An error is what no part of the rest of the file can be
  /// trusted after, with a remedy (a pcapng file of interfaces that libpcap cannot hold in one).
  [[nodiscard]] Result<std::optional<CapturedPacket>> next();

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] capture::LinkType link() const;
  /// As libpcap describes it: "Ethernet", "Linux cooked v2".
  [[nodiscard]] const std::string& link_description() const;
  /// The most octets of a packet that the capture holds; 0: no limit is told.
  [[nodiscard]] std::uint32_t snap_length() const;
  /// The greatest power of ten, up to a second, of which every time so far is a multiple. By
  /// observation: many captures are written with a format of nanoseconds from a clock of
  /// microseconds. 1 before the first packet.
  [[nodiscard]] std::int64_t resolution_ns() const;
  [[nodiscard]] std::uint64_t packets() const;  ///< that next() has given

  /// Octets of the file used so far, compressed ones where it is, for a progress display: in steps
  /// of up to a megabyte.
  [[nodiscard]] std::uint64_t bytes_read() const;
  /// The file's; nullopt: standard input or another pipe.
  [[nodiscard]] std::optional<std::uint64_t> file_size() const;

  /// Why the capture ended before its end: cut off inside a packet, a damaged block, a damaged
  /// compressed stream. One sentence; nullopt: it has not. What came before it counts.
  [[nodiscard]] const std::optional<std::string>& ended_early() const;

 private:
  struct State;
  explicit CaptureReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace netobs
