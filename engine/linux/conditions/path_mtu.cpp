#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "linux/conditions/echo.hpp"
#include "linux/conditions/icmp_socket.hpp"
#include "linux/os/clock.hpp"
#include "linux/os/socket.hpp"

namespace netobs::conditions {
namespace {

constexpr std::uint16_t any_port = 9;  // a connected UDP socket sends nothing by itself
constexpr Duration patience = std::chrono::milliseconds(500);
constexpr int rounds = 6;  // each router with a smaller link takes one
constexpr std::uint32_t largest_packet = 65535;

/// What the kernel thinks now: the route's MTU, or what routers have told it since.
Result<std::uint32_t> cached_mtu(const Endpoint& target) {
  const bool v4 = target.is_v4();
  const int level = v4 ? IPPROTO_IP : IPPROTO_IPV6;
  const os::Fd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto refused = [&] {
    return fail({.what = "read the path MTU towards " + target.address_text(),
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  };
  if (!fd) return refused();
  NETOBS_TRY_VOID(
      v4 ? os::set_option(fd.get(), level, IP_MTU_DISCOVER, IP_PMTUDISC_DO, "IP_MTU_DISCOVER")
         : os::set_option(fd.get(), level, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO,
                          "IPV6_MTU_DISCOVER"));
  auto there = target;
  there.port = any_port;
  const auto address = os::to_socket_address(there, v4 ? AF_INET : AF_INET6);
  int mtu = 0;
  socklen_t size = sizeof mtu;
  if (::connect(fd.get(), address.get(), address.size_bytes) != 0 ||
      ::getsockopt(fd.get(), level, v4 ? IP_MTU : IPV6_MTU, &mtu, &size) != 0) {
    return refused();
  }
  return static_cast<std::uint32_t>(mtu);
}

/// Whether an echo that makes a packet of `bytes` comes back.
bool comes_back(IcmpSocket& socket, std::uint16_t sequence, std::uint32_t packet_bytes,
                std::uint32_t headers) {
  if (packet_bytes <= headers || socket.send(sequence, packet_bytes - headers) != 0) return false;
  const auto end = os::monotonic_now() + patience;
  while (os::monotonic_now() < end) {
    while (const auto reply = socket.receive()) {
      if (reply->sequence == sequence) return true;
    }
    if (socket.take_error() == EMSGSIZE) return false;
    socket.wait(end - os::monotonic_now());
  }
  return false;
}

}  // namespace

Result<PathMtu> find_path_mtu(const Endpoint& target, const std::atomic<bool>& stop) {
  NETOBS_TRY(cached, cached_mtu(target));
  PathMtu found{.bytes = std::min(cached, largest_packet)};
  auto socket = IcmpSocket::open(target);
  if (!socket || !socket->forbid_fragments()) return found;
  const std::uint32_t headers = target.is_v4() ? 28 : 48;  // IP and ICMP
  for (std::uint16_t round = 0; round < rounds && !stop; ++round) {
    if (comes_back(*socket, round, found.bytes, headers)) {
      found.confirmed = true;
      return found;
    }
    NETOBS_TRY(now, cached_mtu(target));
    if (now >= found.bytes) return found;  // nobody named a smaller one
    found.bytes = now;
  }
  return found;
}

}  // namespace netobs::conditions
