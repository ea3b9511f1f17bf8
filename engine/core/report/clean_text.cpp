#include "core/report/clean_text.hpp"

#include <cstdint>

namespace netobs::report {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

bool continuation(std::string_view text, std::size_t at, unsigned low, unsigned high) {
  return at < text.size() && byte_at(text, at) >= low && byte_at(text, at) <= high;
}

/// Length of the printable character that starts at `at`, 0 when there is none (RFC 3629 4;
/// controls: U+0000..U+001F, U+007F..U+009F).
std::size_t character_length(std::string_view text, std::size_t at) {
  const std::uint8_t first = byte_at(text, at);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  if (first >= 0xc2 && first <= 0xdf) {
    return continuation(text, at + 1, first == 0xc2 ? 0xa0 : 0x80, 0xbf) ? 2 : 0;
  }
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;  // no surrogates
    return continuation(text, at + 1, low, high) && continuation(text, at + 2, 0x80, 0xbf) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
    const bool whole = continuation(text, at + 1, low, high) &&
                       continuation(text, at + 2, 0x80, 0xbf) &&
                       continuation(text, at + 3, 0x80, 0xbf);
    return whole ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string clean_text(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text, at);
    if (length == 0) {
      clean += '?';
      ++at;
    } else {
      clean += text.substr(at, length);
      at += length;
    }
  }
  return clean;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char each : text) width += (static_cast<unsigned char>(each) & 0xc0U) != 0x80U;
  return width;
}

}  // namespace netobs::report
