#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bpf/abi.h"
#include "core/base/result.hpp"
#include "linux/bpf/bpf_object.hpp"
#include "linux/os/fd.hpp"
#include "linux/os/mapping.hpp"

namespace netobs::linux_bpf {

/// The BPF ring buffer and the counters, both read through memory: an empty ring costs one load,
/// which libbpf's callback interface does not promise. Layout: kernel/bpf/ringbuf.c.
class EventRing {
 public:
  /// ring_bytes is rounded up to a power of two and kept between one page and 64 MiB.
  [[nodiscard]] static Result<EventRing> make(std::size_t ring_bytes);

  [[nodiscard]] SharedMaps maps() const { return {events_fd_.get(), counters_fd_.get()}; }
  [[nodiscard]] std::size_t capacity_bytes() const { return mask_ + 1; }
  /// Copies the oldest events to `out` and frees their room; returns how many. One thread.
  [[nodiscard]] std::size_t read(std::span<netobs_event> out);
  /// Any thread; each value is whole, and only grows.
  [[nodiscard]] std::uint64_t dropped(netobs_point point) const;
  [[nodiscard]] std::uint64_t merged(netobs_point point) const;
  [[nodiscard]] std::uint64_t unreadable(netobs_point point) const;

 private:
  EventRing() = default;
  [[nodiscard]] const netobs_counters& counters() const;

  os::Fd events_fd_;
  os::Fd counters_fd_;
  os::Mapping consumer_;
  os::Mapping producer_;  ///< the producer's page, then the data twice in a row
  os::Mapping counters_;
  std::size_t mask_ = 0;
  std::size_t page_bytes_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace netobs::linux_bpf
