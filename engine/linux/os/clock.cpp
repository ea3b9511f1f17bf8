#include "linux/os/clock.hpp"

#include <sys/timex.h>

#include <cerrno>

namespace netobs::os {

BracketedRead bracketed_read() {
  BracketedRead read;
  read.before = monotonic_now();
  read.realtime = realtime_now();
  read.after = monotonic_now();
  return read;
}

Result<TimeDiscipline> read_time_discipline() {
  timex state{};
  const int clock_state = adjtimex(&state);
  if (clock_state < 0) {
    return fail({.what = "read the kernel's time discipline (adjtimex)",
                 .sys_errno = errno,
                 .cause = "the call is blocked here, for example by a seccomp profile",
                 .remedy = ""});
  }
  TimeDiscipline discipline;
  discipline.synchronised = clock_state != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  discipline.max_error_ns = static_cast<std::int64_t>(state.maxerror) * 1000;
  discipline.tai_offset_s = state.tai;
  return discipline;
}

}  // namespace netobs::os
