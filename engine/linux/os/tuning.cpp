#include "linux/os/tuning.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace netobs::os {

Result<void> pin_thread_to_cpu(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    return fail(
        {.what = fmt::format("pin a thread to CPU {}", cpu),
         .sys_errno = errno,
         .cause = "The CPU does not exist, is offline, or is outside this process's cpuset.",
         .remedy = "Choose one of those that `nproc --all` and `taskset -p $$` show."});
  }
  return {};
}

Result<void> set_timer_slack_ns(std::uint64_t slack_ns) {
  if (::prctl(PR_SET_TIMERSLACK, static_cast<unsigned long>(slack_ns), 0UL, 0UL, 0UL) != 0) {
    return fail({.what = fmt::format("set the timer slack to {} ns", slack_ns),
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  }
  return {};
}

Result<void> set_fifo_priority(int priority) {
  sched_param parameters{};
  parameters.sched_priority = priority;
  if (::sched_setscheduler(0, SCHED_FIFO, &parameters) != 0) {
    return fail(
        {.what = fmt::format("take SCHED_FIFO priority {}", priority),
         .sys_errno = errno,
         .cause = "It needs CAP_SYS_NICE, and some container hosts refuse it even so.",
         .remedy = "Grant CAP_SYS_NICE, or go without: only the tail of the delays suffers."});
  }
  return {};
}

Result<void> lock_memory() {
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
    return fail({.what = "lock the process's memory",
                 .sys_errno = errno,
                 .cause = "It needs CAP_IPC_LOCK or a higher memlock limit.",
                 .remedy = "Raise `ulimit -l`, grant CAP_IPC_LOCK, or go without."});
  }
  return {};
}

Result<CpuLatencyHold> CpuLatencyHold::make(std::int32_t latency_us) {
  constexpr const char* path = "/dev/cpu_dma_latency";
  Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  // The request lasts as long as the file is open, which is why nothing is closed on success.
  if (!fd || ::write(fd.get(), &latency_us, sizeof latency_us) != sizeof latency_us) {
    return fail({.what = fmt::format("hold {} at {} us", path, latency_us),
                 .sys_errno = errno,
                 .cause =
                     "It needs root, and a kernel with CPU idle states (virtual machines often "
                     "have none).",
                 .remedy = "Run it with sudo, or go without: idle CPUs then answer later."});
  }
  return CpuLatencyHold(std::move(fd));
}

}  // namespace netobs::os
