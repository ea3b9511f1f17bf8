#pragma once
// A known delay by serialisation: a token bucket filter (TBF, net/sched/sch_tbf.c) whose bucket is
// emptied by filler packets right before the packet that shall wait.

#include <cstdint>
#include <string>

#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "linux/os/netns.hpp"

namespace netobs::lab {

/// On an interface of a namespace, until it goes. The namespace must outlive it.
class TokenBucket {
 public:
  /// 10 bytes per microsecond, a bucket of two full frames.
  static constexpr std::int64_t rate_bytes_per_s = 10'000'000;
  static constexpr std::int64_t burst_bytes = 3000;

  /// The interface's root qdisc becomes a TBF.
  [[nodiscard]] static Result<TokenBucket> on_egress(const os::NetworkNamespace& where,
                                                     std::string interface);
  /// What the interface receives takes a way round through an ifb device with a TBF (act_mirred),
  /// between tc ingress and IP.
  [[nodiscard]] static Result<TokenBucket> on_ingress(const os::NetworkNamespace& where,
                                                      std::string interface);
  ~TokenBucket();
  TokenBucket(TokenBucket&& other) noexcept;
  TokenBucket& operator=(TokenBucket&&) = delete;
  TokenBucket(const TokenBucket&) = delete;
  TokenBucket& operator=(const TokenBucket&) = delete;

  /// When the last of `frame_bytes` leaves, counted from the first of them meeting a full bucket.
  [[nodiscard]] static Duration time_to_pass(std::int64_t frame_bytes);
  /// How many bytes must go ahead of a frame for it to leave `delay` after the first of them.
  [[nodiscard]] static std::int64_t filler_for(Duration delay, std::int64_t frame_bytes);

 private:
  TokenBucket(const os::NetworkNamespace& where, std::string interface, bool ingress)
      : where_(&where), interface_(std::move(interface)), ingress_(ingress) {}
  const os::NetworkNamespace* where_;  // null: nothing to remove
  std::string interface_;
  bool ingress_;
};

}  // namespace netobs::lab
