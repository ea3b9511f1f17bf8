#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

#include "core/base/check.hpp"

namespace netobs {

/// Bounded queue from one producer thread to one consumer thread, without locks or allocation after
/// construction. A full ring refuses and the producer counts it: what is lost is known.
template <class T>
  requires std::is_trivially_copyable_v<T>
class SpscRing {
 public:
  /// capacity: in elements, a power of two from 2 to 2^30.
  explicit SpscRing(std::size_t capacity)
      : slots_(std::make_unique<T[]>(capacity)), mask_(capacity - 1) {
    NETOBS_CHECK(std::has_single_bit(capacity) && capacity >= 2 && capacity <= (1UL << 30U),
                 "capacity {}", capacity);
  }

  /// Producer. False when full; nothing is written then.
  [[nodiscard]] bool push(const T& value) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - cached_head_ > mask_) {
      cached_head_ = head_.load(std::memory_order_acquire);
      if (tail - cached_head_ > mask_) return false;
    }
    slots_[tail & mask_] = value;
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

  /// Consumer. Takes up to out.size() elements, oldest first; returns how many.
  [[nodiscard]] std::size_t pop(std::span<T> out) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    const std::size_t available = tail_.load(std::memory_order_acquire) - head;
    const std::size_t count = std::min(available, out.size());
    for (std::size_t i = 0; i < count; ++i) out[i] = slots_[(head + i) & mask_];
    head_.store(head + count, std::memory_order_release);
    return count;
  }

  /// Either thread; a snapshot.
  [[nodiscard]] std::size_t size() const {
    return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::size_t capacity() const { return mask_ + 1; }

 private:
  static constexpr std::size_t cache_line = 64;
  std::unique_ptr<T[]> slots_;
  std::size_t mask_;
  alignas(cache_line) std::atomic<std::size_t> head_{0};
  alignas(cache_line) std::atomic<std::size_t> tail_{0};
  std::size_t cached_head_ = 0;  // producer's last view of head_, saves a shared read per push
};

}  // namespace netobs
