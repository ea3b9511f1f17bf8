#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"
#include "signals.hpp"

namespace netobs::cli {

/// Output that is there completely or not at all: a regular file is written beside its place and
/// moved there by commit(); without that nothing is left, but by SIGKILL a file whose name ends in
/// ".partial". Pipes and devices are written as it comes.
class OutputFile {
 public:
  /// `path`: a file, or "-" for standard output. A file that exists is replaced only with `force`.
  /// Ignores SIGPIPE from here on and, for a regular file, holds SIGINT, SIGTERM and SIGHUP back:
  /// write() fails once one has come.
  [[nodiscard]] static Result<OutputFile> open(const std::string& path, bool force);
  ~OutputFile();
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  [[nodiscard]] Result<void> write(std::string_view text);
  /// Nothing can be written afterwards.
  [[nodiscard]] Result<void> commit();
  /// Whether write() failed because nobody reads the pipe any more.
  [[nodiscard]] bool reader_left() const { return reader_left_; }

 private:
  OutputFile(std::string path, bool force) : path_(std::move(path)), force_(force) {}
  [[nodiscard]] Result<void> open_in_place(int flags);
  [[nodiscard]] Result<void> open_beside();
  [[nodiscard]] Result<void> flush();
  [[nodiscard]] Result<void> move_into_place();
  [[nodiscard]] Error error() const;
  [[nodiscard]] Error exists() const;

  std::string path_;
  bool force_;
  std::string temporary_;  // empty: written in place, or committed
  os::Fd fd_;
  std::string buffer_;
  bool reader_left_ = false;
  std::optional<Signals> signals_;
};

}  // namespace netobs::cli
