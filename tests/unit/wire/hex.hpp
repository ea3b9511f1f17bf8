#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace netobs::wire_test {

/// "00 0a ff" -> octets; blanks are skipped.
inline std::vector<std::byte> bytes(std::string_view hex) {
  const auto digit = [](char c) {
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  };
  std::vector<std::byte> out;
  unsigned high = 0;
  bool half = false;
  for (const char c : hex) {
    if (c == ' ') continue;
    if (half) out.push_back(static_cast<std::byte>(high << 4U | digit(c)));
    high = digit(c);
    half = !half;
  }
  return out;
}

inline std::vector<std::byte> zeros(std::size_t count) {
  return std::vector<std::byte>(count, std::byte{0});
}

inline std::vector<std::byte> operator+(std::vector<std::byte> a, const std::vector<std::byte>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace netobs::wire_test
