#include "linux/timestamp/tcx_link.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "linux/bpf/bpf_object.hpp"

namespace netobs::linux_bpf {
namespace {

// The values are kernel ABI (include/uapi/linux/bpf.h); headers and libbpf of Debian 12 lack them.
constexpr std::uint32_t attach_tcx_ingress = 46;
constexpr std::uint32_t attach_tcx_egress = 47;
constexpr std::uint32_t before_flag = 1U << 3U;  // with no program named: before all

struct LinkCreate {
  std::uint32_t program_fd;
  std::uint32_t target_ifindex;
  std::uint32_t attach_type;
  std::uint32_t flags;
  std::uint32_t relative_fd;
  std::uint32_t zero;
  std::uint64_t expected_revision;
};
static_assert(sizeof(LinkCreate) == 32);

}  // namespace

Result<os::Fd> attach_tcx(int program_fd, int ifindex, Direction direction) {
  LinkCreate request{};
  request.program_fd = static_cast<std::uint32_t>(program_fd);
  request.target_ifindex = static_cast<std::uint32_t>(ifindex);
  request.attach_type = direction == Direction::tx ? attach_tcx_egress : attach_tcx_ingress;
  request.flags = before_flag;
  const long fd = ::syscall(SYS_bpf, BPF_LINK_CREATE, &request, sizeof(request));
  if (fd < 0) {
    return fail(bpf_error("attach a TCX link", errno, "CAP_BPF and CAP_NET_ADMIN", ""));
  }
  return os::Fd(static_cast<int>(fd));
}

}  // namespace netobs::linux_bpf
