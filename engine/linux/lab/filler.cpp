#include "linux/lab/filler.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "linux/os/socket.hpp"

namespace netobs::lab {
namespace {

constexpr std::int64_t largest_frame_bytes = 1514;

Result<os::Fd> udp_socket_in(const os::NetworkNamespace& where) {
  NETOBS_TRY(scope, os::NamespaceScope::enter(where));
  (void)scope;
  os::Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    return fail({.what = "open a UDP socket for filler packets",
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  }
  return fd;
}

}  // namespace

Result<Filler> Filler::make(const os::NetworkNamespace& from, const os::NetworkNamespace& to,
                            const Endpoint& sink) {
  NETOBS_TRY(source, udp_socket_in(from));
  NETOBS_TRY(drain, udp_socket_in(to));
  const auto address = os::to_socket_address(sink, AF_INET);
  if (::bind(drain.get(), address.get(), address.size_bytes) != 0 ||
      ::connect(source.get(), address.get(), address.size_bytes) != 0) {
    return fail({.what = "prepare filler packets to " + sink.text(),
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  }
  // Nobody reads them: a small buffer is soon full, and what follows is dropped there.
  constexpr int smallest = 1;
  constexpr int room_for_the_longest_delay = 8 << 20;
  (void)os::set_option(drain.get(), SOL_SOCKET, SO_RCVBUF, smallest, "SO_RCVBUF");
  NETOBS_TRY_VOID(os::set_option(source.get(), SOL_SOCKET, SO_SNDBUFFORCE,
                                 room_for_the_longest_delay, "SO_SNDBUFFORCE"));
  return Filler(std::move(source), std::move(drain));
}

bool Filler::send(std::int64_t frame_bytes) const {
  static constexpr std::array<char, largest_frame_bytes> zeros{};
  while (frame_bytes > 0) {
    std::int64_t frame = std::min(frame_bytes, largest_frame_bytes);
    // What is left must still make a frame.
    if (frame_bytes - frame > 0 && frame_bytes - frame < header_bytes) frame -= header_bytes;
    const auto payload = static_cast<std::size_t>(std::max<std::int64_t>(0, frame - header_bytes));
    if (::send(source_.get(), zeros.data(), payload, MSG_DONTWAIT) < 0) return false;
    frame_bytes -= frame;
  }
  return true;
}

}  // namespace netobs::lab
