#pragma once
// What every fuzz target shares. A target is one file *_fuzz.cpp with one LLVMFuzzerTestOneInput; a
// broken invariant aborts through NETOBS_CHECK.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/base/check.hpp"
#include "core/wire/hmac.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace netobs::fuzz {

inline std::span<const std::byte> input(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

inline wire::Hmac hmac() {
  return std::move(wire::Hmac::make(std::vector<std::byte>(16, std::byte{7})).value());
}

}  // namespace netobs::fuzz
