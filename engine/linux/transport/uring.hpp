#pragma once
// Owners of io_uring kernel objects. liburing is used for the ring's mechanics only; features are
// probed by trying them.

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "linux/transport/kernel_abi.hpp"

namespace netobs {

struct UringSetup {
  unsigned submission_entries = 64;   ///< a power of two
  unsigned completion_entries = 128;  ///< a power of two
  bool defer_taskrun = true;
  bool wide_completions = false;  ///< room for 32-octet completions, which TX timestamps need
};

/// An io_uring instance that starts disabled: the thread that calls enable() becomes its single
/// issuer. Not movable, because the kernel and liburing hold pointers into it.
class Uring {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Uring>> make(const UringSetup& setup);
  ~Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  [[nodiscard]] Result<void> enable();
  /// Makes `fd` fixed file 0.
  [[nodiscard]] Result<void> register_file(int fd);
  /// Cancels what is in flight and lets go of the fixed file, so that closing it takes effect at
  /// once. Only on the issuing thread.
  void release_file();

  [[nodiscard]] io_uring* get() { return &ring_; }
  /// A cleared submission entry on fixed file 0; nullptr when the queue is full.
  [[nodiscard]] io_uring_sqe* next_entry();
  [[nodiscard]] bool completions_waiting() const {
    return __atomic_load_n(ring_.cq.ktail, __ATOMIC_ACQUIRE) != *ring_.cq.khead;
  }
  /// The kernel has work that runs at the next io_uring_enter(). Reads memory only.
  [[nodiscard]] bool task_work_waiting() const {
    return (kernel_flags() & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }
  /// Calls visit(completion) for each completion there is, oldest first, and frees their room.
  template <class Visitor>
  void take_completions(const Visitor& visit);
  [[nodiscard]] bool overflowed() const { return (kernel_flags() & IORING_SQ_CQ_OVERFLOW) != 0; }
  [[nodiscard]] bool defers_task_work() const { return defers_task_work_; }

 private:
  Uring() = default;
  [[nodiscard]] unsigned kernel_flags() const {
    return __atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED);
  }
  /// How 32-octet completions share the ring with ordinary ones.
  enum class Width : std::uint8_t { narrow, wide, mixed };

  [[nodiscard]] int initialise(const UringSetup& setup, Width width);

  io_uring ring_{};
  Width width_ = Width::narrow;
  bool defers_task_work_ = false;
  bool initialised_ = false;
};

template <class Visitor>
void Uring::take_completions(const Visitor& visit) {
  const unsigned tail = __atomic_load_n(ring_.cq.ktail, __ATOMIC_ACQUIRE);
  const unsigned head = *ring_.cq.khead;
  const unsigned shift = width_ == Width::wide ? 1 : 0;
  for (unsigned at = head; at != tail;) {
    io_uring_cqe& completion = ring_.cq.cqes[(at & *ring_.cq.kring_mask) << shift];
    const bool two_entries = width_ == Width::mixed && (completion.flags & abi::cqe_32_flag) != 0;
    at += two_entries ? 2 : 1;
    if (width_ == Width::mixed && (completion.flags & abi::cqe_skip_flag) != 0) continue;
    visit(std::as_const(completion));
    // Linux 6.18 pads before a wrap in all-wide rings too, and there the padding is not written
    // where it is read: what was read before appears again (io_fill_nop_cqe in
    // io_uring/io_uring.c). Tag 0 makes that harmless.
    if (width_ == Width::wide) completion.user_data = 0;
  }
  io_uring_cq_advance(&ring_, tail - head);
}

/// Deleter of shared memory.
struct UnmapBufferRing {
  std::size_t size_bytes = 0;
  void operator()(io_uring_buf_ring* address) const;
};

/// Buffers that the kernel picks from for multishot receives.
class BufferRing {
 public:
  /// count: a power of two up to 32768. Destroy the ring first: until then the kernel may write
  /// here.
  [[nodiscard]] static Result<std::unique_ptr<BufferRing>> make(Uring& ring, std::size_t count,
                                                                std::size_t buffer_bytes);
  static constexpr unsigned short group = 1;

  [[nodiscard]] std::span<std::byte> buffer(std::uint16_t id);
  /// Gives buffers back to the kernel.
  void give_back(std::span<const std::uint16_t> ids);

 private:
  BufferRing(std::size_t count, std::size_t buffer_bytes);

  std::size_t count_;
  std::size_t buffer_bytes_;
  std::vector<std::byte> storage_;
  std::unique_ptr<io_uring_buf_ring, UnmapBufferRing> shared_;
};

/// Whether this kernel delivers TX timestamps through a ring. Asked of a ring of its own.
[[nodiscard]] bool kernel_has_uring_tx_timestamp();

}  // namespace netobs
