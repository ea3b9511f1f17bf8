#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/capture/capture_report.hpp"
#include "linux/capture/capture_reader.hpp"

namespace netobs::app {

/// The captures of one point as one stream: several files are read in the order of their first
/// packets, as a rotation wrote them.
class CaptureFiles {
 public:
  /// paths: not empty; "-" (standard input, which cannot be read twice) only by itself.
  [[nodiscard]] static Result<CaptureFiles> open(std::vector<std::string> paths,
                                                 capture::Vantage vantage);

  /// nullopt: the last one has ended. Borrowed until the next call.
  [[nodiscard]] Result<std::optional<CapturedPacket>> next();

  /// Each file that was read, up to now.
  [[nodiscard]] std::vector<capture::CaptureFile> describe() const;
  [[nodiscard]] std::uint64_t bytes_read() const;
  /// Of all files; nullopt: not known.
  [[nodiscard]] std::optional<std::uint64_t> bytes() const { return bytes_; }

 private:
  CaptureFiles(std::vector<std::string> paths, capture::Vantage vantage)
      : paths_(std::move(paths)), vantage_(vantage) {}
  [[nodiscard]] Result<void> sort_by_time();
  [[nodiscard]] Result<void> open_next();
  [[nodiscard]] capture::CaptureFile describe(const CaptureReader& reader) const;

  std::vector<std::string> paths_;
  capture::Vantage vantage_;
  std::size_t opened_ = 0;
  std::optional<CaptureReader> reader_;
  std::vector<capture::CaptureFile> finished_;
  std::uint64_t bytes_finished_ = 0;
  std::optional<std::uint64_t> bytes_;
};

/// The first packet's time; nullopt: it has none.
[[nodiscard]] Result<std::optional<std::int64_t>> first_time(const std::string& path);

}  // namespace netobs::app
