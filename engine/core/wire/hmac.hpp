#pragma once
// HMAC-SHA-256 truncated to 16 octets, as STAMP's authenticated mode uses it (RFC 8762 4.4).

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "core/base/result.hpp"

// libcrypto's context, named here so that its headers stay out of this one.
extern "C" {
struct evp_mac_ctx_st;
}

namespace netobs::wire {

inline constexpr std::size_t hmac_size = 16;
using HmacDigest = std::array<std::byte, hmac_size>;

/// One key, used again for every packet. Move-only; one thread at a time. The key is copied into
/// libcrypto and wiped there on destruction; wiping the caller's copy is the caller's business.
class Hmac {
 public:
  /// key: 1 octet or more (RFC 2104 advises 32 for SHA-256). Fails on an empty key or when
  /// libcrypto offers no HMAC-SHA-256.
  [[nodiscard]] static Result<Hmac> make(std::span<const std::byte> key);

  /// Digest of `first` followed by `second`. An internal failure of libcrypto (out of memory)
  /// aborts: sending or accepting unauthenticated packets in its place would be worse.
  [[nodiscard]] HmacDigest digest(std::span<const std::byte> first,
                                  std::span<const std::byte> second = {});

  /// True when `received` is the digest of first + second. Time does not depend on the contents.
  /// received: 16 octets; any other size is false.
  [[nodiscard]] bool verify(std::span<const std::byte> received, std::span<const std::byte> first,
                            std::span<const std::byte> second = {});

 private:
  struct Free {
    void operator()(evp_mac_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_mac_ctx_st, Free>;
  explicit Hmac(Context context) : context_(std::move(context)) {}

  Context context_;
};

/// Equality in a time that depends on the size only. Different sizes are unequal.
[[nodiscard]] bool equal_in_constant_time(std::span<const std::byte> a,
                                          std::span<const std::byte> b);

}  // namespace netobs::wire
