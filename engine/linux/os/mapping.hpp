#pragma once

#include <cstddef>

#include "core/base/result.hpp"

namespace netobs::os {

/// Owner of mapped memory; unmaps it when it goes. Move-only.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  /// A shared view of what `fd` offers at `offset`. populated: the pages are there at once, so that
  /// no first touch is measured. `what`: names it in an error.
  [[nodiscard]] static Result<Mapping> shared(int fd, std::size_t offset, std::size_t bytes,
                                              bool writable, const char* what,
                                              bool populated = false);
  /// Zeroed memory that starts on a page, populated.
  [[nodiscard]] static Result<Mapping> anonymous(std::size_t bytes, const char* what);

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size_bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace netobs::os
