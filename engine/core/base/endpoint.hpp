#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace netobs {

/// An IP address and UDP port. IPv4 is held as an IPv4-mapped IPv6 address (RFC 4291 2.5.5.2), so
/// that one key type serves both families.
struct Endpoint {
  std::array<std::uint8_t, 16> address{};  ///< network byte order
  std::uint16_t port = 0;                  ///< host byte order
  std::uint32_t scope_id = 0;              ///< interface index of a link-local IPv6 address, else 0

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] bool is_unspecified() const;  ///< 0.0.0.0 or ::
  [[nodiscard]] std::string address_text() const;
  [[nodiscard]] std::string text() const;  ///< "198.18.0.2:862" or "[2001:db8::1]:862"

  [[nodiscard]] static Endpoint v4(std::array<std::uint8_t, 4> bytes, std::uint16_t port);
};

/// Fold of address and port for hash tables (FNV-1a; not for hostile keys without a cap).
struct EndpointHash {
  std::size_t operator()(const Endpoint& endpoint) const noexcept;
};

}  // namespace netobs
