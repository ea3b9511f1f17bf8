#include "linux/os/netns.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <thread>

namespace netobs::os {
namespace {

Result<Fd> open_own_namespace() {
  Fd fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return fail(
        {.what = "open /proc/thread-self/ns/net", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  return fd;
}

Result<std::uint32_t> inode_of(const Fd& fd) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) {
    return fail(
        {.what = "identify a network namespace", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  return static_cast<std::uint32_t>(status.st_ino);
}

Result<Fd> unshare_and_open() {
  if (::unshare(CLONE_NEWNET) != 0) {
    return fail({.what = "create a network namespace",
                 .sys_errno = errno,
                 .cause = "It needs CAP_SYS_ADMIN.",
                 .remedy = "Run it with sudo."});
  }
  return open_own_namespace();
}

}  // namespace

Result<NetworkNamespace> NetworkNamespace::create() {
  // unshare() moves the thread that calls it; a thread of its own spares the caller the way back.
  std::optional<Result<Fd>> made;
  std::thread([&made] { made = unshare_and_open(); }).join();
  if (!*made) return std::unexpected(std::move(*made).error());
  NETOBS_TRY(inode, inode_of(**made));
  return NetworkNamespace(std::move(**made), inode);
}

Result<NetworkNamespace> NetworkNamespace::current() {
  NETOBS_TRY(fd, open_own_namespace());
  NETOBS_TRY(inode, inode_of(fd));
  return NetworkNamespace(std::move(fd), inode);
}

Result<void> NetworkNamespace::enter() const {
  if (::setns(fd_.get(), CLONE_NEWNET) != 0) {
    return fail({.what = "enter a network namespace",
                 .sys_errno = errno,
                 .cause = "It needs CAP_SYS_ADMIN.",
                 .remedy = "Run it with sudo."});
  }
  return {};
}

Result<NamespaceScope> NamespaceScope::enter(const NetworkNamespace& target) {
  NETOBS_TRY(home, open_own_namespace());
  NETOBS_TRY_VOID(target.enter());
  return NamespaceScope(std::move(home));
}

NamespaceScope::~NamespaceScope() {
  // The way back cannot fail for a thread that was allowed in: same capability, descriptor held
  // open.
  if (home_) (void)::setns(home_.get(), CLONE_NEWNET);
}

}  // namespace netobs::os
