#pragma once
// The few tc requests the fallback needs, over one rtnetlink socket that stays in the network
// namespace it was opened in, whichever thread uses it.

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/layer/point.hpp"
#include "linux/os/fd.hpp"

namespace netobs::linux_bpf {

struct TcFilter {
  std::uint32_t handle = 0;
  std::uint16_t priority = 0;
  std::uint16_t protocol = 0;  ///< network byte order, as the kernel keeps it
};

/// errno of a request, 0 = done.
using Errno = int;

class TcNetlink {
 public:
  [[nodiscard]] static Result<TcNetlink> open();

  [[nodiscard]] Errno add_clsact(int ifindex) const;
  [[nodiscard]] Errno remove_clsact(int ifindex) const;
  /// A direct-action BPF filter for every protocol.
  [[nodiscard]] Errno add_filter(int ifindex, Direction direction, std::uint32_t handle,
                                 std::uint16_t priority, int program_fd) const;
  [[nodiscard]] Errno remove_filter(int ifindex, Direction direction, const TcFilter& filter) const;
  /// Filters of every kind under clsact's hook; none where there is no clsact or no interface.
  [[nodiscard]] std::vector<TcFilter> filters(int ifindex, Direction direction) const;

 private:
  explicit TcNetlink(os::Fd fd) : fd_(std::move(fd)) {}
  os::Fd fd_;
};

}  // namespace netobs::linux_bpf
