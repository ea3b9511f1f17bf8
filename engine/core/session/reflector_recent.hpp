#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/base/check.hpp"

namespace netobs {

/// The last N of something that is numbered without gaps, also to be found by a 32-bit key, oldest
/// first; several may share a key. The N+1st takes the place of the first. No allocation after
/// construction.
template <class T>
class RecentRing {
 public:
  /// Searches give up after so many of one key: bounds the work that a peer can cause by repeating
  /// one.
  static constexpr std::size_t search_limit = 64;

  /// capacity: a power of two, 2 to 2^24.
  explicit RecentRing(std::size_t capacity)
      : slots_(capacity), heads_(capacity, none), tails_(capacity, none), mask_(capacity - 1) {
    NETOBS_CHECK(std::has_single_bit(capacity) && capacity >= 2 && capacity <= (1UL << 24U),
                 "capacity {}", capacity);
  }

  /// Appends with the number next(); the first element may have any number. overwritten(T&) is
  /// called for the element that has to go, if one has.
  template <class F>
  T& push(std::uint32_t key, const T& value, F&& overwritten) {
    const std::size_t place = next_ & mask_;
    Slot& slot = slots_[place];
    if (slot.live) {
      overwritten(slot.value);
      // The oldest of all that are linked is the oldest of its bucket.
      if (slot.linked) unlink(static_cast<std::uint32_t>(place), none);
    }
    slot.value = value;
    slot.number = next_++;
    slot.key = key;
    slot.chain = none;
    slot.live = true;
    slot.linked = true;
    append(key, static_cast<std::uint32_t>(place));
    return slot.value;
  }

  /// Sets the number of the first element; only while the ring is empty.
  void start_at(std::uint64_t number) {
    NETOBS_CHECK(!slots_[(next_ - 1) & mask_].live, "ring in use at {}", next_);
    next_ = number;
  }

  [[nodiscard]] T* at(std::uint64_t number) {
    Slot& slot = slots_[number & mask_];
    return slot.live && slot.number == number ? &slot.value : nullptr;
  }

  /// The oldest element of this key that satisfies the predicate, or null.
  template <class F>
  [[nodiscard]] T* find(std::uint32_t key, F&& predicate) {
    T* found = nullptr;
    std::size_t steps = 0;
    for (auto i = heads_[key & mask_]; i != none && steps < search_limit;
         i = slots_[i].chain, ++steps) {
      if (slots_[i].key == key && predicate(slots_[i].value)) {
        found = &slots_[i].value;
        break;
      }
    }
    return found;
  }

  /// Takes every element of this key that `accept` accepts, oldest first, out of later searches. It
  /// keeps its place until it is overwritten.
  template <class F>
  void take(std::uint32_t key, F&& accept) {
    std::size_t steps = 0;
    for (auto i = heads_[key & mask_], before = none; i != none && steps < search_limit; ++steps) {
      Slot& slot = slots_[i];
      const auto next = slot.chain;
      if (slot.key == key && accept(slot.value)) {
        unlink(i, before);
      } else {
        before = i;
      }
      i = next;
    }
  }

  /// Number of the next element.
  [[nodiscard]] std::uint64_t next() const { return next_; }
  [[nodiscard]] std::size_t capacity() const { return slots_.size(); }

 private:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  struct Slot {
    T value{};
    std::uint64_t number = 0;
    std::uint32_t key = 0;
    std::uint32_t chain = none;  // next newer of the same bucket
    bool live = false;
    bool linked = false;
  };

  /// before: the next older of its bucket; none: it is the head.
  void unlink(std::uint32_t place, std::uint32_t before) {
    Slot& slot = slots_[place];
    const auto bucket = slot.key & mask_;
    (before == none ? heads_[bucket] : slots_[before].chain) = slot.chain;
    if (tails_[bucket] == place) tails_[bucket] = before;
    slot.linked = false;
  }
  void append(std::uint32_t key, std::uint32_t place) {
    auto& tail = tails_[key & mask_];
    (tail == none ? heads_[key & mask_] : slots_[tail].chain) = place;
    tail = place;
  }

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> heads_;
  std::vector<std::uint32_t> tails_;
  std::size_t mask_;
  std::uint64_t next_ = 0;
};

}  // namespace netobs
