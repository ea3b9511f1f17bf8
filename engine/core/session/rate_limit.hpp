#pragma once

#include <array>
#include <cstdint>

#include "core/base/endpoint.hpp"
#include "core/base/time.hpp"
#include "core/session/session_table.hpp"

namespace netobs {

enum class RateVerdict : std::uint8_t {
  passed,
  exceeded,    ///< this source sends faster than it may
  table_full,  ///< too many other sources are active to keep track of this one
};

struct RateLimit {
  std::uint32_t packets_per_second = 250'000;  ///< 0 = no limit
  std::uint32_t burst_packets = 25'000;        ///< at least 1 counts
  std::uint32_t max_sources = 4096;
};

/// One token bucket per source address (per /64 for IPv6, where a host has a whole /64 to choose
/// from). Bounded: a source is forgotten, oldest first, only once its bucket is full again, so that
/// strangers cannot push out someone who is being limited.
class RateLimiter {
 public:
  RateLimiter(const RateLimit& limit, std::uint64_t hash_seed);

  /// Takes one packet's token from the source.
  [[nodiscard]] RateVerdict take(const Endpoint& source, MonotonicTime now);
  [[nodiscard]] std::size_t sources() const { return buckets_.size(); }

 private:
  using Address = std::array<std::uint8_t, 16>;
  struct Hash {
    std::uint64_t operator()(std::uint64_t seed, const Address& address) const;
  };
  // The bucket as one instant, at which it will be full: each packet moves it by cost_, and it may
  // be at most tolerance_ ahead of now.
  struct Bucket {
    MonotonicTime full_at;
  };

  [[nodiscard]] bool make_room(MonotonicTime now);

  Duration cost_;
  Duration tolerance_;
  bool unlimited_;
  KeyedTable<Address, Bucket, Hash> buckets_;
};

}  // namespace netobs
