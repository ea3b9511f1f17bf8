#pragma once
// Bytes of the statistics' stored form: LEB128 integers (7 bits per byte, least significant first)
// and little-endian words. The reader never runs past its end: a short or overlong input makes it
// fail, and it stays failed.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace netobs::stats {

inline void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80U; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

/// Small magnitudes of either sign take few bytes.
inline void put_zigzag(std::string& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  put_varint(out, bits << 1U ^ (value < 0 ? ~std::uint64_t{0} : 0));
}

inline void put_word(std::string& out, std::uint64_t value) {
  for (unsigned i = 0; i < 8; ++i) out += static_cast<char>(value >> 8U * i & 0xffU);
}

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  void fail() { failed_ = true; }

  std::uint8_t byte() {
    if (failed_ || bytes_.empty()) {
      failed_ = true;
      return 0;
    }
    const auto value = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return value;
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t part = byte();
      if (shift == 63 && part > 1) break;  // more than 64 bits
      value |= static_cast<std::uint64_t>(part & 0x7fU) << shift;
      if ((part & 0x80U) == 0) return failed_ ? 0 : value;
    }
    failed_ = true;
    return 0;
  }

  std::int64_t zigzag() {
    const std::uint64_t bits = varint();
    return static_cast<std::int64_t>(bits >> 1U ^ (0 - (bits & 1U)));
  }

  std::uint64_t word() {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(byte()) << 8U * i;
    return value;
  }

 private:
  std::string_view bytes_;
  bool failed_ = false;
};

}  // namespace netobs::stats
