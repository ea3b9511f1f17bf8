#include "core/session/admission.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/base/check.hpp"

namespace netobs {
namespace {

constexpr unsigned v4_mapped_bits = 96;

std::uint64_t mix(std::uint64_t state, std::uint64_t word) {
  state = (state ^ word) * 0x9e3779b97f4a7c15ULL;
  state ^= std::rotr(state, 29);
  return state * 0xd6e8feb86659fd93ULL ^ state >> 32U;
}

}  // namespace

Prefix Prefix::of(const Endpoint& address, unsigned length) {
  const unsigned bits = address.is_v4() ? length + v4_mapped_bits : length;
  NETOBS_CHECK(bits <= 128, "prefix length {} of {}", length, address.address_text());
  return {.address = address.address, .length = static_cast<std::uint8_t>(bits)};
}

bool Prefix::contains(const Endpoint& endpoint) const {
  const std::size_t whole = length / 8U;
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole),
                  endpoint.address.begin())) {
    return false;
  }
  const unsigned rest = length % 8U;
  if (rest == 0) return true;
  const auto difference = static_cast<unsigned>(address[whole] ^ endpoint.address[whole]);
  return difference >> (8U - rest) == 0;
}

bool admitted(std::span<const Prefix> allowed, const Endpoint& peer) {
  return allowed.empty() ||
         std::ranges::any_of(allowed, [&](const Prefix& prefix) { return prefix.contains(peer); });
}

std::uint64_t seeded_hash(std::uint64_t seed, const std::array<std::uint8_t, 16>& address,
                          std::uint64_t number) {
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), address.data(), sizeof(words));
  return mix(mix(mix(seed, words[0]), words[1]), number);
}

}  // namespace netobs
