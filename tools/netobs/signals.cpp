#include "signals.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace netobs::cli {

Result<Signals> Signals::block() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);  // a session that is closed ends the run like Ctrl-C
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return fail({.what = "block signals", .sys_errno = error, .cause = "", .remedy = ""});
  }
  os::Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail({.what = "signalfd", .sys_errno = errno, .cause = "", .remedy = ""});
  // A closed pipe on standard output must not kill the process before it has cleaned up.
  (void)std::signal(SIGPIPE, SIG_IGN);
  return Signals(std::move(fd));
}

bool Signals::wait(int milliseconds) const {
  pollfd item{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&item, 1, milliseconds) <= 0) return false;
  signalfd_siginfo info{};
  return ::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info);
}

}  // namespace netobs::cli
