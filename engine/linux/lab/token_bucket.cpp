#include "linux/lab/token_bucket.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "linux/lab/commands.hpp"

namespace netobs::lab {
namespace {

constexpr const char* way_round = "netobs-ifb";
/// Above the longest delay's worth of bytes, so that nothing is dropped.
constexpr std::int64_t queue_bytes = 4'000'000;

std::vector<std::string> add_bucket(const std::string& interface) {
  return {"qdisc", "add",
          "dev",   interface,
          "root",  "tbf",
          "rate",  fmt::format("{}bit", TokenBucket::rate_bytes_per_s * 8),
          "burst", fmt::format("{}b", TokenBucket::burst_bytes),
          "limit", fmt::format("{}b", queue_bytes)};
}

}  // namespace

Result<TokenBucket> TokenBucket::on_egress(const os::NetworkNamespace& where,
                                           std::string interface) {
  NETOBS_TRY_VOID(tc_in(where, add_bucket(interface)));
  return TokenBucket(where, std::move(interface), false);
}

Result<TokenBucket> TokenBucket::on_ingress(const os::NetworkNamespace& where,
                                            std::string interface) {
  NETOBS_TRY_VOID(
      ip_batch_in(where, fmt::format("link add {0} type ifb\nlink set {0} up\n", way_round)));
  TokenBucket bucket(where, std::move(interface), true);
  NETOBS_TRY_VOID(tc_in(where, add_bucket(way_round)));
  NETOBS_TRY_VOID(tc_in(where, {"qdisc", "add", "dev", bucket.interface_, "clsact"}));
  NETOBS_TRY_VOID(
      tc_in(where, {"filter", "add",    "dev",    bucket.interface_, "ingress", "protocol", "all",
                    "prio",   "49152",  "u32",    "match",           "u32",     "0",        "0",
                    "action", "mirred", "egress", "redirect",        "dev",     way_round}));
  return bucket;
}

TokenBucket::TokenBucket(TokenBucket&& other) noexcept
    : where_(std::exchange(other.where_, nullptr)),
      interface_(std::move(other.interface_)),
      ingress_(other.ingress_) {}

TokenBucket::~TokenBucket() {
  if (where_ == nullptr) return;
  // Best effort: what cannot be removed goes with the namespace.
  (void)tc_in(*where_, {"qdisc", "del", "dev", interface_, ingress_ ? "clsact" : "root"});
  if (ingress_) (void)ip_batch_in(*where_, fmt::format("link del {}\n", way_round));
}

Duration TokenBucket::time_to_pass(std::int64_t frame_bytes) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  return Duration(std::max<std::int64_t>(0, frame_bytes - burst_bytes) * second_ns /
                  rate_bytes_per_s);
}

std::int64_t TokenBucket::filler_for(Duration delay, std::int64_t frame_bytes) {
  constexpr std::int64_t second_ns = 1'000'000'000;
  if (delay <= Duration::zero()) return 0;
  return std::max<std::int64_t>(
      0, burst_bytes - frame_bytes + delay.count() * rate_bytes_per_s / second_ns);
}

}  // namespace netobs::lab
