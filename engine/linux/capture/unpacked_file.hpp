#pragma once
// A file, or standard input, as a stream of what is in it once decompressed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/result.hpp"

namespace netobs {

/// gzip, zstd, xz, bzip2 and lz4, each by its library inside libarchive and never by another
/// program; anything else is passed through. Forward only. Memory is bounded whatever the contents
/// are: a megabyte of buffers and the window that the compressed stream asks for: with zstd at most
/// 128 MiB, with xz what its header says, 8 to 64 MiB as xz writes it, and as far as there is data
/// up to 4 GiB.
class UnpackedFile {
 public:
  /// "-" is standard input. Errors: it cannot be opened or read, is a directory or empty.
  [[nodiscard]] static Result<std::unique_ptr<UnpackedFile>> open(const std::string& path);
  ~UnpackedFile();
  UnpackedFile(const UnpackedFile&) = delete;
  UnpackedFile& operator=(const UnpackedFile&) = delete;
  UnpackedFile(UnpackedFile&&) = delete;
  UnpackedFile& operator=(UnpackedFile&&) = delete;

  /// Fills the front of `out`: how many octets, 0 at the end or after a failure().
  [[nodiscard]] std::size_t read(std::span<char> out);

  [[nodiscard]] std::uint64_t bytes_read() const;  ///< of the file itself, as it is on disk
  [[nodiscard]] std::optional<std::uint64_t> file_size() const;  ///< nullopt: not a regular file
  /// "gzip"; empty: none.
  [[nodiscard]] std::string compression() const;
  /// Why the stream ended with an error; empty: it did not.
  [[nodiscard]] const std::string& failure() const;
  /// What is decompressed begins with printable characters only: an educated guess for an error.
  [[nodiscard]] bool looks_like_text() const;

 private:
  struct State;
  explicit UnpackedFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace netobs
