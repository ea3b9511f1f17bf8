#pragma once

#include <cstdint>
#include <memory>

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"
#include "linux/os/netns.hpp"

namespace netobs::linux_bpf {

enum class XdpMode : std::uint8_t {
  native,  ///< in the driver
  skb,     ///< in the stack's first function: any driver
};

/// An XDP program on an interface, for as long as this lives: a BPF link, which the kernel takes
/// away with the descriptor, however the process ends. What it had replaced comes back at an
/// orderly end. May be destroyed on any thread.
class XdpAttachment {
 public:
  XdpAttachment();
  ~XdpAttachment();
  XdpAttachment(XdpAttachment&&) noexcept;
  XdpAttachment& operator=(XdpAttachment&&) noexcept;
  XdpAttachment(const XdpAttachment&) = delete;
  XdpAttachment& operator=(const XdpAttachment&) = delete;

 private:
  friend Result<XdpAttachment> attach_xdp(int, int, XdpMode, bool);
  struct Replaced;
  os::Fd link_;
  std::unique_ptr<Replaced> replaced_;
};

/// Another program on the interface is never replaced without `force`, and one that a process holds
/// by a link not even then: error EBUSY. Other errors: the driver has no XDP (EOPNOTSUPP), the MTU
/// is too large for it, no CAP_NET_ADMIN. In the network namespace of the interface.
[[nodiscard]] Result<XdpAttachment> attach_xdp(int program_fd, int ifindex, XdpMode mode,
                                               bool force);

}  // namespace netobs::linux_bpf
