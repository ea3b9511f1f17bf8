#include "core/conditions/tcp_table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace netobs::conditions {
namespace {

constexpr std::string_view established = "01";  // include/net/tcp_states.h
constexpr std::size_t word_digits = 8;
constexpr std::size_t v4_bytes = 4;

std::string_view next_field(std::string_view& line) {
  const auto start = line.find_first_not_of(' ');
  if (start == std::string_view::npos) return line = {};
  line.remove_prefix(start);
  const auto field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size());
  return field;
}

template <class Number>
std::optional<Number> hex(std::string_view text) {
  constexpr int base = 16;
  Number number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

/// "0100007F:0016": the address as words in the byte order of the host, each printed as a number.
std::optional<Endpoint> endpoint(std::string_view field) {
  const auto colon = field.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto words = field.substr(0, colon);
  const auto port = hex<std::uint16_t>(field.substr(colon + 1));
  std::array<std::uint8_t, 16> bytes{};
  if (!port || (words.size() != word_digits && words.size() != 2 * bytes.size())) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < words.size() / word_digits; ++i) {
    const auto word = hex<std::uint32_t>(words.substr(i * word_digits, word_digits));
    if (!word) return std::nullopt;
    std::memcpy(bytes.data() + i * sizeof *word, &*word, sizeof *word);
  }
  if (words.size() == word_digits) {
    std::array<std::uint8_t, v4_bytes> v4{};
    std::copy_n(bytes.begin(), v4.size(), v4.begin());
    return Endpoint::v4(v4, *port);
  }
  return Endpoint{.address = bytes, .port = *port};
}

}  // namespace

std::uint64_t established_in(std::string_view table, const Endpoint& remote) {
  std::uint64_t count = 0;
  while (!table.empty()) {
    auto line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(table.size(), line.size() + 1));
    (void)next_field(line);  // its number
    (void)next_field(line);  // this end
    const auto there = endpoint(next_field(line));
    const auto state = next_field(line);
    if (!there || state != established) continue;
    if (there->address == remote.address && there->port == remote.port) ++count;
  }
  return count;
}

}  // namespace netobs::conditions
