#pragma once
// The rings that an AF_XDP socket shares with the kernel: one side produces, the other consumes
// (kernel: net/xdp/xsk_queue.h). Indexes run freely in 32 bits; a ring's size is a power of two.

#include <linux/if_xdp.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "linux/os/mapping.hpp"

namespace netobs::xsk {

/// What both kinds of ring stand on.
struct RingMemory {
  os::Mapping mapping;
  std::uint32_t* producer = nullptr;
  std::uint32_t* consumer = nullptr;
  std::uint32_t* flags = nullptr;
  std::byte* entries = nullptr;
  std::uint32_t size = 0;
};

[[nodiscard]] inline std::uint32_t load_acquire(std::uint32_t* index) {
  return std::atomic_ref<std::uint32_t>(*index).load(std::memory_order_acquire);
}
inline void store_release(std::uint32_t* index, std::uint32_t value) {
  std::atomic_ref<std::uint32_t>(*index).store(value, std::memory_order_release);
}

/// Ours to fill: the fill ring and the TX ring.
template <class Entry>
class ProducerRing {
 public:
  ProducerRing() = default;
  explicit ProducerRing(RingMemory memory)
      : memory_(std::move(memory)), next_(load_acquire(memory_.producer)) {}

  [[nodiscard]] std::uint32_t room() const {
    return memory_.size - (next_ - load_acquire(memory_.consumer));
  }
  /// room() was at least 1. Seen by the kernel after publish().
  void put(const Entry& entry) {
    reinterpret_cast<Entry*>(memory_.entries)[next_ & (memory_.size - 1)] = entry;
    ++next_;
  }
  void publish() { store_release(memory_.producer, next_); }
  /// Entries that the kernel has not taken.
  [[nodiscard]] std::uint32_t pending() const { return next_ - load_acquire(memory_.consumer); }
  /// The entry `back` places before the one that the kernel takes next; 1 = the last it took.
  [[nodiscard]] const Entry& taken(std::uint32_t back) const {
    const auto index = load_acquire(memory_.consumer) - back;
    return reinterpret_cast<const Entry*>(memory_.entries)[index & (memory_.size - 1)];
  }
  /// Takes the newest published entry back. Only while the kernel cannot be reading the ring: in
  /// copy mode it reads during our own system calls.
  [[nodiscard]] Entry take_back() {
    --next_;
    publish();
    return reinterpret_cast<const Entry*>(memory_.entries)[next_ & (memory_.size - 1)];
  }
  [[nodiscard]] bool needs_wakeup() const {
    return (load_acquire(memory_.flags) & XDP_RING_NEED_WAKEUP) != 0;
  }

 private:
  RingMemory memory_;
  std::uint32_t next_ = 0;
};

/// Ours to empty: the RX ring and the completion ring.
template <class Entry>
class ConsumerRing {
 public:
  ConsumerRing() = default;
  explicit ConsumerRing(RingMemory memory)
      : memory_(std::move(memory)), next_(load_acquire(memory_.consumer)) {}

  [[nodiscard]] std::uint32_t available() const { return load_acquire(memory_.producer) - next_; }
  /// available() was at least 1. The place is the kernel's again after release().
  [[nodiscard]] Entry take() {
    return reinterpret_cast<const Entry*>(memory_.entries)[next_++ & (memory_.size - 1)];
  }
  void release() { store_release(memory_.consumer, next_); }

 private:
  RingMemory memory_;
  std::uint32_t next_ = 0;
};

}  // namespace netobs::xsk
