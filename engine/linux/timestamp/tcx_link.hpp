#pragma once

#include "core/base/result.hpp"
#include "core/layer/point.hpp"
#include "linux/os/fd.hpp"

namespace netobs::linux_bpf {

/// Attaches a tc program to an interface by a TCX link, before every other program, so that
/// another's verdict cannot hide a packet from it. Detached when the descriptor closes, however the
/// process ends. Error with EINVAL: this kernel (before 6.6) has no TCX.
[[nodiscard]] Result<os::Fd> attach_tcx(int program_fd, int ifindex, Direction direction);

}  // namespace netobs::linux_bpf
