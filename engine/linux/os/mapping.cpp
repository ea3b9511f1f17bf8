#include "linux/os/mapping.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <string>
#include <utility>

namespace netobs::os {
namespace {

Error mapping_error(const char* what) {
  return {.what = std::string("map ") + what + " into memory",
          .sys_errno = errno,
          .cause = "",
          .remedy = ""};
}

}  // namespace

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
}

Result<Mapping> Mapping::shared(int fd, std::size_t offset, std::size_t bytes, bool writable,
                                const char* what, bool populated) {
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  const int flags = MAP_SHARED | (populated ? MAP_POPULATE : 0);
  void* memory = ::mmap(nullptr, bytes, protection, flags, fd, static_cast<off_t>(offset));
  if (memory == MAP_FAILED) return fail(mapping_error(what));
  Mapping mapping;
  mapping.data_ = static_cast<std::byte*>(memory);
  mapping.bytes_ = bytes;
  return mapping;
}

Result<Mapping> Mapping::anonymous(std::size_t bytes, const char* what) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return fail(mapping_error(what));
  Mapping mapping;
  mapping.data_ = static_cast<std::byte*>(memory);
  mapping.bytes_ = bytes;
  return mapping;
}

}  // namespace netobs::os
