#include "linux/timestamp/event_ring.hpp"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

namespace netobs::linux_bpf {
namespace {

constexpr std::size_t largest_ring_bytes = 64U << 20U;
constexpr std::string_view needs = "CAP_BPF";

std::size_t page_size() {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

Result<os::Fd> create_map(bpf_map_type type, const char* name, std::uint32_t key_bytes,
                          std::uint32_t value_bytes, std::uint32_t entries, std::uint32_t flags) {
  bpf_map_create_opts options{};
  options.sz = sizeof(options);
  options.map_flags = flags;
  const int fd = bpf_map_create(type, name, key_bytes, value_bytes, entries, &options);
  if (fd < 0) {
    return fail(bpf_error(std::string("create the BPF map ") + name, -fd, needs, ""));
  }
  return os::Fd(fd);
}

std::uint64_t load_shared(const netobs_u64& value) {
  return __atomic_load_n(&value, __ATOMIC_RELAXED);
}

}  // namespace

Result<EventRing> EventRing::make(std::size_t ring_bytes) {
  EventRing ring;
  ring.page_bytes_ = page_size();
  const auto bytes = std::bit_ceil(std::clamp(ring_bytes, ring.page_bytes_, largest_ring_bytes));
  ring.mask_ = bytes - 1;
  NETOBS_TRY(events, create_map(BPF_MAP_TYPE_RINGBUF, "netobs_events", 0, 0,
                                static_cast<std::uint32_t>(bytes), 0));
  NETOBS_TRY(counters, create_map(BPF_MAP_TYPE_ARRAY, "netobs_counters", sizeof(std::uint32_t),
                                  sizeof(netobs_counters), 1, BPF_F_MMAPABLE));
  NETOBS_TRY(consumer, os::Mapping::shared(events.get(), 0, ring.page_bytes_, true, "a BPF map"));
  NETOBS_TRY(producer, os::Mapping::shared(events.get(), ring.page_bytes_,
                                           ring.page_bytes_ + 2 * bytes, false, "a BPF map"));
  NETOBS_TRY(values, os::Mapping::shared(counters.get(), 0, ring.page_bytes_, false, "a BPF map"));
  ring.events_fd_ = std::move(events);
  ring.counters_fd_ = std::move(counters);
  ring.consumer_ = std::move(consumer);
  ring.producer_ = std::move(producer);
  ring.counters_ = std::move(values);
  return ring;
}

std::size_t EventRing::read(std::span<netobs_event> out) {
  const auto* written = reinterpret_cast<const std::uint64_t*>(producer_.data());
  const std::uint64_t end = __atomic_load_n(written, __ATOMIC_ACQUIRE);
  if (position_ == end) return 0;

  const std::byte* data = producer_.data() + page_bytes_;
  std::size_t count = 0;
  while (position_ < end && count < out.size()) {
    const std::byte* header = data + (position_ & mask_);
    const std::uint32_t word =
        __atomic_load_n(reinterpret_cast<const std::uint32_t*>(header), __ATOMIC_ACQUIRE);
    if ((word & BPF_RINGBUF_BUSY_BIT) != 0) break;  // reserved, not yet submitted
    const std::uint32_t bytes = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    if ((word & BPF_RINGBUF_DISCARD_BIT) == 0 && bytes == sizeof(netobs_event)) {
      std::memcpy(&out[count++], header + BPF_RINGBUF_HDR_SZ, sizeof(netobs_event));
    }
    constexpr std::uint64_t alignment = 8;
    position_ += (bytes + BPF_RINGBUF_HDR_SZ + alignment - 1) / alignment * alignment;
  }
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(consumer_.data()), position_, __ATOMIC_RELEASE);
  return count;
}

const netobs_counters& EventRing::counters() const {
  return *reinterpret_cast<const netobs_counters*>(counters_.data());
}

std::uint64_t EventRing::dropped(netobs_point point) const {
  return load_shared(counters().dropped[point]);
}
std::uint64_t EventRing::merged(netobs_point point) const {
  return load_shared(counters().merged[point]);
}
std::uint64_t EventRing::unreadable(netobs_point point) const {
  return load_shared(counters().unreadable[point]);
}

}  // namespace netobs::linux_bpf
