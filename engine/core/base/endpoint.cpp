#include "core/base/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace netobs {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// RFC 5952: the longest run of two or more zero groups becomes "::", lower-case hex elsewhere.
std::string v6_text(const std::array<std::uint8_t, 16>& bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) {
    groups[i] = static_cast<unsigned>(bytes[2 * i]) << 8U | bytes[2 * i + 1];
  }
  std::size_t best_start = 8;
  std::size_t best_length = 1;
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > best_length) {
      best_start = i;
      best_length = end - i;
    }
    i = std::max(end, i + 1);
  }
  std::string text;
  for (std::size_t i = 0; i < 8;) {
    if (i == best_start) {
      text += "::";
      i += best_length;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += fmt::format("{:x}", groups[i]);
    ++i;
  }
  return text;
}

}  // namespace

bool Endpoint::is_v4() const {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), address.begin());
}

bool Endpoint::is_unspecified() const {
  const auto first = is_v4() ? address.begin() + 12 : address.begin();
  return std::all_of(first, address.end(), [](std::uint8_t byte) { return byte == 0; });
}

std::string Endpoint::address_text() const {
  if (is_v4()) {
    return fmt::format("{}.{}.{}.{}", address[12], address[13], address[14], address[15]);
  }
  return v6_text(address);
}

std::string Endpoint::text() const {
  return is_v4() ? fmt::format("{}:{}", address_text(), port)
                 : fmt::format("[{}]:{}", address_text(), port);
}

Endpoint Endpoint::v4(std::array<std::uint8_t, 4> bytes, std::uint16_t port) {
  Endpoint endpoint;
  std::ranges::copy(mapped_prefix, endpoint.address.begin());
  std::ranges::copy(bytes, endpoint.address.begin() + 12);
  endpoint.port = port;
  return endpoint;
}

std::size_t EndpointHash::operator()(const Endpoint& endpoint) const noexcept {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  for (const auto byte : endpoint.address) mix(byte);
  mix(static_cast<std::uint8_t>(endpoint.port >> 8U));
  mix(static_cast<std::uint8_t>(endpoint.port & 0xffU));
  return hash;
}

}  // namespace netobs
