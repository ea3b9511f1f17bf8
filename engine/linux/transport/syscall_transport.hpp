#pragma once

#include <memory>

#include "linux/transport/udp_transport.hpp"

namespace netobs {

/// sendmsg/sendmmsg, recvmsg/recvmmsg and the error queue: works on every kernel since 4.13, and is
/// the yardstick for io_uring.
[[nodiscard]] Result<std::unique_ptr<LinuxTransport>> make_syscall_transport(
    const TransportOptions& options);

}  // namespace netobs
