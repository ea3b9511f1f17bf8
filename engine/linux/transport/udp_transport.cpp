#include "linux/transport/udp_transport.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "linux/transport/af_xdp/af_xdp_transport.hpp"
#include "linux/transport/io_uring_transport.hpp"
#include "linux/transport/syscall_transport.hpp"
#include "linux/transport/udp_socket.hpp"

namespace netobs {
namespace {

Error out_of_range(std::string_view option, std::size_t value, std::size_t low, std::size_t high) {
  return {.what = fmt::format("use {} = {}", option, value),
          .sys_errno = 0,
          .cause = fmt::format("It is outside {} to {}.", low, high),
          .remedy = "",
          .exit = ExitCode::usage};
}

Result<void> check_options(const TransportOptions& options) {
  struct Range {
    std::string_view name;
    std::size_t value;
    std::size_t low;
    std::size_t high;
  };
  const std::array ranges{
      Range{"tx_slots", options.tx_slots, 1, 4096},
      Range{"rx_buffers", options.rx_buffers, 1, 32768},
      Range{"max_datagram_bytes", options.max_datagram_bytes, 64, 9216},
      Range{"dscp", options.dscp, 0, 63},
  };
  for (const auto& range : ranges) {
    if (range.value < range.low || range.value > range.high) {
      return fail(out_of_range(range.name, range.value, range.low, range.high));
    }
  }
  return {};
}

Error unknown_transport(std::string_view name) {
  std::string names = "auto";
  for (const auto& kind : transport_table()) names += fmt::format(", {}", kind.name);
  return {.what = fmt::format("use transport \"{}\"", name),
          .sys_errno = 0,
          .cause = "There is none of that name.",
          .remedy = fmt::format("Choose one of: {}.", names),
          .exit = ExitCode::usage};
}

}  // namespace

std::span<const TransportKind> transport_table() {
  static const std::array table{
      TransportKind{"syscall", "sendmsg and recvmsg, TX timestamps from the error queue",
                    socket_path, &make_syscall_transport},
      TransportKind{"io_uring", "one ring for sends, receives and TX timestamps (Linux 6.0)",
                    socket_path, &make_io_uring_transport},
      TransportKind{"af_xdp",
                    "past the kernel's stack; the kernel keeps the port and the ICMP errors",
                    af_xdp_path, &make_af_xdp_transport},
  };
  return table;
}

Result<std::unique_ptr<LinuxTransport>> make_transport(std::string_view name,
                                                       const TransportOptions& options) {
  NETOBS_TRY_VOID(check_options(options));
  for (const auto& kind : transport_table()) {
    if (kind.name == name) return kind.make(options);
  }
  if (name == "auto") return transport_table().front().make(options);
  return fail(unknown_transport(name));
}

}  // namespace netobs
