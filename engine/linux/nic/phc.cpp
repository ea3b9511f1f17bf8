#include "linux/nic/phc.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <expected>

#include "linux/nic/cross_timestamps.hpp"
#include "linux/os/host_facts.hpp"

namespace netobs::nic {
namespace {

constexpr unsigned samples = 5;

/// The error is an errno.
using Comparison = std::expected<CrossTimestamp, int>;

Comparison or_again(const std::optional<CrossTimestamp>& found) {
  if (found) return *found;
  return std::unexpected(EAGAIN);
}

Comparison compare_precise(int fd) {
  std::array<CrossTimestamp, samples> latched{};
  for (auto& sample : latched) {
    ptp_sys_offset_precise answer{};
    if (::ioctl(fd, PTP_SYS_OFFSET_PRECISE, &answer) != 0) return std::unexpected(errno);
    sample = {.nic_ns = to_ns(answer.device), .realtime_ns = to_ns(answer.sys_realtime)};
  }
  return or_again(median(latched));
}

Comparison compare_extended(int fd) {
  ptp_sys_offset_extended answer{};
  answer.n_samples = samples;
  if (::ioctl(fd, PTP_SYS_OFFSET_EXTENDED, &answer) != 0) return std::unexpected(errno);
  return or_again(shortest(answer));
}

Comparison compare_basic(int fd) {
  ptp_sys_offset answer{};
  answer.n_samples = samples;
  if (::ioctl(fd, PTP_SYS_OFFSET, &answer) != 0) return std::unexpected(errno);
  return or_again(shortest(answer));
}

struct Method {
  std::string_view name;
  Comparison (*compare)(int fd);
};
// Best first. Kernels and drivers that lack one say so: ENOTTY, EOPNOTSUPP, EINVAL.
constexpr std::array<Method, 3> methods{{
    {"PTP_SYS_OFFSET_PRECISE", compare_precise},
    {"PTP_SYS_OFFSET_EXTENDED", compare_extended},
    {"PTP_SYS_OFFSET", compare_basic},
}};

std::unexpected<Error> cannot_open(const std::string& path, int error) {
  const bool missing = error == ENOENT || error == ENXIO || error == ENODEV;
  return fail(
      {.what = fmt::format("open the NIC's clock {}", path),
       .sys_errno = error,
       .cause = missing ? "There is no such device node; a container has none of its own." : "",
       .remedy = missing ? fmt::format("Give it to the container (--device {}), or look with "
                                       "`ethtool -T` for the clock's number.",
                                       path)
                         : fmt::format("Run with sudo, or let this user read {}; a container "
                                       "needs --device {}.",
                                       path, path)});
}

/// A node that was made by hand may be another clock's.
bool is_node_of(int fd, int index) {
  const auto number = os::read_first_line(fmt::format("/sys/class/ptp/ptp{}/dev", index));
  struct stat status{};
  if (number.empty() || ::fstat(fd, &status) != 0) return true;  // nobody to ask
  return number == fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev));
}

}  // namespace

Result<Phc> Phc::open(int index) {
  if (index < 0) {
    return fail({.what = "open the NIC's clock",
                 .sys_errno = ENODEV,
                 .cause = "The driver of this interface names none.",
                 .remedy = "`ethtool -T` shows what it offers."});
  }
  auto path = fmt::format("/dev/ptp{}", index);
  os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return cannot_open(path, errno);
  if (!is_node_of(fd.get(), index)) return cannot_open(path, ENODEV);
  Phc phc(std::move(fd), std::move(path));
  int error = 0;
  for (phc.method_ = 0; phc.method_ < methods.size(); ++phc.method_) {
    const auto compared = methods[phc.method_].compare(phc.fd_.get());
    if (compared) return phc;
    error = compared.error();
  }
  return fail({.what = fmt::format("compare {} with the system's clock", phc.path_),
               .sys_errno = error,
               .cause = "Its driver answers none of the kernel's three questions.",
               .remedy = "`dmesg` may say what is wrong with it."});
}

Result<CrossTimestamp> Phc::read() {
  const auto compared = methods[method_].compare(fd_.get());
  if (compared) return *compared;
  return fail({.what = fmt::format("compare {} with the system's clock by {}", path_, method()),
               .sys_errno = compared.error(),
               .cause = "",
               .remedy = ""});
}

std::string_view Phc::method() const {
  return methods[method_].name;
}

}  // namespace netobs::nic
