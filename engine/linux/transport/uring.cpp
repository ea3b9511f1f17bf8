#include "linux/transport/uring.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>

#include "core/base/check.hpp"
#include "linux/os/fd.hpp"
#include "linux/transport/kernel_abi.hpp"

namespace netobs {
namespace {

Error setup_error(int sys_errno) {
  Error error{.what = "set up io_uring",
              .sys_errno = sys_errno,
              .cause = "",
              .remedy = "Use --transport syscall."};
  if (sys_errno == ENOSYS) {
    error.cause = "This kernel was built without io_uring, or a seccomp profile hides it.";
    error.remedy = "Use --transport syscall, or allow io_uring in the container's seccomp profile.";
  } else if (sys_errno == EPERM || sys_errno == EACCES) {
    error.cause =
        "A seccomp profile (Docker's default one does) or the sysctl kernel.io_uring_disabled "
        "forbids io_uring.";
    error.remedy =
        "Use --transport syscall, or allow io_uring in the seccomp profile and set "
        "kernel.io_uring_disabled to 0.";
  } else if (sys_errno == EINVAL) {
    error.cause = "This kernel is older than 6.0 and lacks what the transport needs.";
  } else if (sys_errno == ENOMEM) {
    error.cause = "The ring does not fit the locked-memory limit or the memory left.";
    error.remedy = "Raise `ulimit -l`, use fewer slots, or use --transport syscall.";
  }
  return error;
}

}  // namespace

int Uring::initialise(const UringSetup& setup, Width width) {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
                     IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_TASKRUN_FLAG;
  parameters.flags |= setup.defer_taskrun ? IORING_SETUP_DEFER_TASKRUN : IORING_SETUP_COOP_TASKRUN;
  if (width == Width::wide) parameters.flags |= IORING_SETUP_CQE32;
  if (width == Width::mixed) parameters.flags |= abi::setup_cqe_mixed;
  parameters.cq_entries = setup.completion_entries;
  const int outcome = io_uring_queue_init_params(setup.submission_entries, &ring_, &parameters);
  if (outcome < 0) return outcome;
  initialised_ = true;
  defers_task_work_ = setup.defer_taskrun;
  width_ = width;
  return 0;
}

Result<std::unique_ptr<Uring>> Uring::make(const UringSetup& setup) {
  std::unique_ptr<Uring> ring(new Uring);
  int outcome = ring->initialise(setup, setup.wide_completions ? Width::mixed : Width::narrow);
  if (outcome == -EINVAL && setup.wide_completions) {  // before Linux 6.18
    outcome = ring->initialise(setup, Width::wide);
  }
  if (outcome == -EINVAL && setup.defer_taskrun) {  // before Linux 6.1
    UringSetup plainer = setup;
    plainer.defer_taskrun = false;
    return make(plainer);
  }
  if (outcome < 0) return fail(setup_error(-outcome));
  return ring;
}

Uring::~Uring() {
  if (initialised_) io_uring_queue_exit(&ring_);
}

Result<void> Uring::enable() {
  // liburing 2.3 declares io_uring_enable_rings() and does not export it.
  if (::syscall(SYS_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) <
      0) {
    return fail({.what = "enable the io_uring", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  // Saves a reference on the ring's descriptor per call; older kernels go without.
  (void)io_uring_register_ring_fd(&ring_);
  return {};
}

Result<void> Uring::register_file(int fd) {
  const int outcome = io_uring_register_files(&ring_, &fd, 1);
  if (outcome < 0) {
    return fail({.what = "register the socket with io_uring",
                 .sys_errno = -outcome,
                 .cause = "",
                 .remedy = "Use --transport syscall."});
  }
  return {};
}

void Uring::release_file() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr) return;
  io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
  (void)io_uring_submit(&ring_);
  (void)io_uring_get_events(&ring_);
  (void)io_uring_unregister_files(&ring_);
}

io_uring_sqe* Uring::next_entry() {
  return io_uring_get_sqe(&ring_);
}

void UnmapBufferRing::operator()(io_uring_buf_ring* address) const {
  ::munmap(address, size_bytes);
}

BufferRing::BufferRing(std::size_t count, std::size_t buffer_bytes)
    : count_(count), buffer_bytes_(buffer_bytes), storage_(count * buffer_bytes) {}

Result<std::unique_ptr<BufferRing>> BufferRing::make(Uring& ring, std::size_t count,
                                                     std::size_t buffer_bytes) {
  NETOBS_CHECK(std::has_single_bit(count) && count <= 32768, "count {}", count);
  std::unique_ptr<BufferRing> result(new BufferRing(count, buffer_bytes));
  const std::size_t size_bytes = count * sizeof(io_uring_buf);
  void* memory =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return fail(
        {.what = "map the io_uring buffer ring", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  result->shared_ = {static_cast<io_uring_buf_ring*>(memory), UnmapBufferRing{size_bytes}};
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(memory);
  registration.ring_entries = static_cast<std::uint32_t>(count);
  registration.bgid = group;
  const int outcome = io_uring_register_buf_ring(ring.get(), &registration, 0);
  if (outcome < 0) {
    return fail({.what = "register the io_uring buffer ring",
                 .sys_errno = -outcome,
                 .cause = "It needs Linux 5.19 and room under the locked-memory limit.",
                 .remedy = "Use --transport syscall."});
  }
  io_uring_buf_ring_init(result->shared_.get());
  std::vector<std::uint16_t> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = static_cast<std::uint16_t>(i);
  result->give_back(all);
  return result;
}

std::span<std::byte> BufferRing::buffer(std::uint16_t id) {
  NETOBS_CHECK(id < count_, "id {} of {}", id, count_);
  return std::span(storage_).subspan(id * buffer_bytes_, buffer_bytes_);
}

void BufferRing::give_back(std::span<const std::uint16_t> ids) {
  if (ids.empty()) return;
  const int mask = io_uring_buf_ring_mask(static_cast<std::uint32_t>(count_));
  int offset = 0;
  for (const std::uint16_t id : ids) {
    io_uring_buf_ring_add(shared_.get(), buffer(id).data(), static_cast<unsigned>(buffer_bytes_),
                          id, mask, offset++);
  }
  io_uring_buf_ring_advance(shared_.get(), offset);
}

bool kernel_has_uring_tx_timestamp() {
  const os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto ring =
      Uring::make({.submission_entries = 4, .completion_entries = 8, .wide_completions = true});
  if (!socket || !ring || !(*ring)->enable()) return false;
  io_uring_sqe* entry = (*ring)->next_entry();
  io_uring_prep_rw(IORING_OP_URING_CMD, entry, socket.get(), nullptr, 0, 0);
  entry->cmd_op = abi::socket_uring_op_tx_timestamp;
  if (io_uring_submit((*ring)->get()) != 1) return false;
  (void)io_uring_get_events((*ring)->get());
  // A kernel that knows the command waits for timestamps; one that does not completes it at once.
  return !(*ring)->completions_waiting();
}

}  // namespace netobs
