#include "core/session/rate_limit.hpp"

#include <algorithm>

#include "core/session/admission.hpp"

namespace netobs {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::size_t v6_subnet_octets = 8;

std::array<std::uint8_t, 16> source_key(const Endpoint& source) {
  auto address = source.address;
  if (!source.is_v4())
    std::fill(address.begin() + v6_subnet_octets, address.end(), std::uint8_t{0});
  return address;
}

}  // namespace

std::uint64_t RateLimiter::Hash::operator()(std::uint64_t seed, const Address& address) const {
  return seeded_hash(seed, address, 0);
}

RateLimiter::RateLimiter(const RateLimit& limit, std::uint64_t hash_seed)
    : cost_(std::max<std::int64_t>(1,
                                   ns_per_s / std::max<std::int64_t>(1, limit.packets_per_second))),
      tolerance_(cost_ * (std::max<std::int64_t>(1, limit.burst_packets) - 1)),
      unlimited_(limit.packets_per_second == 0),
      buckets_(std::max<std::uint32_t>(1, limit.max_sources), hash_seed) {}

bool RateLimiter::make_room(MonotonicTime now) {
  if (buckets_.size() < buckets_.capacity()) return true;
  const auto oldest = buckets_.least_recently_used();
  if (buckets_.get(*oldest)->full_at > now) return false;
  buckets_.erase(*oldest);
  return true;
}

RateVerdict RateLimiter::take(const Endpoint& source, MonotonicTime now) {
  if (unlimited_) return RateVerdict::passed;
  const auto key = source_key(source);
  auto found = buckets_.find(key);
  if (!found) {
    if (!make_room(now)) return RateVerdict::table_full;
    found = buckets_.insert(key, now);
    buckets_.get(*found)->full_at = now;
  }
  buckets_.touch(*found, now);
  Bucket& bucket = *buckets_.get(*found);
  const MonotonicTime full_at = std::max(bucket.full_at, now);
  if (full_at - now > tolerance_) return RateVerdict::exceeded;
  bucket.full_at = full_at + cost_;
  return RateVerdict::passed;
}

}  // namespace netobs
