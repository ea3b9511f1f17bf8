#include "linux/transport/udp_socket.hpp"

#include <fmt/format.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/session/disguise.hpp"
#include "linux/transport/kernel_abi.hpp"

namespace netobs {
namespace {

constexpr int full_ttl = 255;  // RFC 5357 4.2.1: the far end can then count hops

/// Whether the kernel takes SCM_TS_OPT_ID. Nothing is sent: to the limited broadcast address
/// without SO_BROADCAST the kernel refuses, but only after it has looked at the control message.
bool kernel_takes_timestamp_id() {
  const os::Fd probe(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int flags = SOF_TIMESTAMPING_OPT_ID;
  if (!probe || !os::set_option(probe.get(), SOL_SOCKET, abi::so_timestamping_new, flags,
                                "SO_TIMESTAMPING_NEW")) {
    return false;
  }
  TxControl control;
  control.add_timestamp_id(0);
  constexpr std::uint16_t discard_port = 9;
  auto target = os::to_socket_address(Endpoint::v4({255, 255, 255, 255}, discard_port), AF_INET);
  std::array<std::byte, 4> payload{};
  iovec piece{.iov_base = payload.data(), .iov_len = payload.size()};
  msghdr message{};
  message.msg_name = target.get();
  message.msg_namelen = target.size_bytes;
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.size;
  return ::sendmsg(probe.get(), &message, MSG_DONTWAIT) >= 0 || errno != EINVAL;
}

/// AF_INET6 serves both IP versions, so it is what an unspecified address without a remote gets.
int choose_family(const TransportOptions& options) {
  const Endpoint any{};
  if (options.local.address != any.address) return options.local.is_v4() ? AF_INET : AF_INET6;
  if (options.remote) return options.remote->is_v4() ? AF_INET : AF_INET6;
  return AF_INET6;
}

Result<os::Fd> open_socket(int& family, bool may_fall_back) {
  os::Fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd && errno == EAFNOSUPPORT && may_fall_back) {
    family = AF_INET;
    fd = os::Fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }
  if (!fd) {
    return fail(
        {.what = family == AF_INET6 ? "open an IPv6 UDP socket" : "open an IPv4 UDP socket",
         .sys_errno = errno,
         .cause = errno == EAFNOSUPPORT ? "This kernel has that IP version switched off." : "",
         .remedy = errno == EAFNOSUPPORT ? "Use the other IP version." : ""});
  }
  return fd;
}

Result<void> bind_to_interface(int fd, const std::string& name) {
  if (name.empty()) return {};
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                   static_cast<socklen_t>(name.size())) == 0) {
    return {};
  }
  Error error{.what = fmt::format("bind to interface {}", name),
              .sys_errno = errno,
              .cause = "",
              .remedy = ""};
  if (errno == ENODEV) {
    error.cause = "There is no interface of that name in this network namespace.";
    error.remedy = "`ip link` lists those there are.";
  } else if (errno == EPERM) {
    error.cause =
        "The socket is bound to another interface already, and changing it needs CAP_NET_RAW.";
  }
  return fail(std::move(error));
}

Error bind_error(const Endpoint& local, int saved_errno) {
  constexpr std::uint16_t first_free_port = 1024;
  Error error{.what = fmt::format("bind {}", local.text()),
              .sys_errno = saved_errno,
              .cause = "",
              .remedy = ""};
  if (saved_errno == EADDRINUSE) {
    error.cause = "Another program holds this UDP port.";
    // IEEE 1588's: packets that look like PTP have no other.
    const bool only_this = local.port == ptp_event_port;
    error.remedy = fmt::format("`ss -lunp sport = :{}` names it; stop it{}.", local.port,
                               only_this ? "" : " or choose another port");
  } else if (saved_errno == EADDRNOTAVAIL) {
    error.cause = "No interface of this host has that address.";
    error.remedy = "`ip address` lists those it has.";
  } else if (saved_errno == EACCES && local.port < first_free_port) {
    error.cause = "Ports below 1024 need CAP_NET_BIND_SERVICE.";
    error.remedy = "Run it with sudo, or choose a port from 1024 up.";
  }
  return error;
}

Result<void> bind_local(int fd, const Endpoint& local, int family) {
  const auto address = os::to_socket_address(local, family);
  if (::bind(fd, address.get(), address.size_bytes) != 0) return fail(bind_error(local, errno));
  return {};
}

Result<void> connect_remote(int fd, const Endpoint& remote, int family) {
  if (family == AF_INET && !remote.is_v4()) {
    return fail({.what = fmt::format("reach {} from an IPv4 address", remote.text()),
                 .sys_errno = 0,
                 .cause = "The local and the remote address are of different IP versions.",
                 .remedy = "Give both of the same version.",
                 .exit = ExitCode::usage});
  }
  const auto address = os::to_socket_address(remote, family);
  if (::connect(fd, address.get(), address.size_bytes) == 0) return {};
  const bool no_route = errno == ENETUNREACH || errno == EHOSTUNREACH;
  return fail({.what = fmt::format("find a way to {}", remote.text()),
               .sys_errno = errno,
               .cause = no_route ? "This host has no route there." : "",
               .remedy = no_route ? "`ip route get ADDRESS` shows what is missing." : ""});
}

struct IntOption {
  int level;
  int option;
  int value;
  const char* name;
};

Result<void> set_all(int fd, std::span<const IntOption> options) {
  for (const auto& entry : options) {
    NETOBS_TRY_VOID(os::set_option(fd, entry.level, entry.option, entry.value, entry.name));
  }
  return {};
}

Result<void> configure_v4(int fd, const TransportOptions& options, bool want_address) {
  const int discover = options.dont_fragment ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
  const std::array settings{
      IntOption{IPPROTO_IP, IP_TTL, full_ttl, "IP_TTL"},
      IntOption{IPPROTO_IP, IP_RECVTTL, options.receive_ttl ? 1 : 0, "IP_RECVTTL"},
      IntOption{IPPROTO_IP, IP_RECVERR, 1, "IP_RECVERR"},
      IntOption{IPPROTO_IP, IP_MTU_DISCOVER, discover, "IP_MTU_DISCOVER"},
      IntOption{IPPROTO_IP, IP_TOS, options.dscp << 2, "IP_TOS"},
      IntOption{IPPROTO_IP, IP_PKTINFO, want_address ? 1 : 0, "IP_PKTINFO"},
  };
  return set_all(fd, settings);
}

Result<void> configure_v6(int fd, const TransportOptions& options, bool want_address) {
  const int discover = options.dont_fragment ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_DONT;
  const std::array settings{
      IntOption{IPPROTO_IPV6, IPV6_UNICAST_HOPS, full_ttl, "IPV6_UNICAST_HOPS"},
      IntOption{IPPROTO_IPV6, IPV6_RECVHOPLIMIT, options.receive_ttl ? 1 : 0, "IPV6_RECVHOPLIMIT"},
      IntOption{IPPROTO_IPV6, IPV6_RECVERR, 1, "IPV6_RECVERR"},
      IntOption{IPPROTO_IPV6, IPV6_MTU_DISCOVER, discover, "IPV6_MTU_DISCOVER"},
      IntOption{IPPROTO_IPV6, IPV6_DONTFRAG, options.dont_fragment ? 1 : 0, "IPV6_DONTFRAG"},
      IntOption{IPPROTO_IPV6, IPV6_TCLASS, options.dscp << 2, "IPV6_TCLASS"},
      IntOption{IPPROTO_IPV6, IPV6_RECVPKTINFO, want_address ? 1 : 0, "IPV6_RECVPKTINFO"},
  };
  NETOBS_TRY_VOID(set_all(fd, settings));
  // What a dual-stack socket sends and receives as IPv4 follows the IPv4 options. The address of an
  // IPv4 datagram comes as IPV6_PKTINFO already.
  return configure_v4(fd, options, false);
}

Result<void> size_receive_buffer(int fd, std::uint32_t bytes) {
  if (bytes == 0) return {};
  // The kernel doubles what it is given; beyond net.core.rmem_max only FORCE (CAP_NET_ADMIN) helps.
  const int wanted = static_cast<int>(std::min<std::uint32_t>(bytes, 1U << 30U));
  if (os::set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, wanted, "SO_RCVBUFFORCE")) return {};
  return os::set_option(fd, SOL_SOCKET, SO_RCVBUF, wanted, "SO_RCVBUF");
}

int timestamping_flags(PointSet points, TxIdSource id_source) {
  unsigned flags = 0;
  if (points.has(Point::tx_sched)) flags |= SOF_TIMESTAMPING_TX_SCHED | SOF_TIMESTAMPING_SOFTWARE;
  if (points.has(Point::tx_software)) {
    flags |= SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  }
  if (points.has(Point::rx_software)) {
    flags |= SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  }
  if (points.has(Point::tx_hardware)) {
    flags |= SOF_TIMESTAMPING_RAW_HARDWARE | SOF_TIMESTAMPING_OPT_TX_SWHW;
  }
  if (points.has(Point::rx_hardware)) {
    flags |= SOF_TIMESTAMPING_RX_HARDWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
  }
  const bool transmit = points.has(Point::tx_sched) || points.has(Point::tx_software) ||
                        points.has(Point::tx_hardware);
  if (transmit && id_source == TxIdSource::kernel) {
    flags |= SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_OPT_TSONLY;
  }
  return static_cast<int>(flags);
}

Result<void> enable_timestamps(UdpSocket& socket, const TransportOptions& options) {
  socket.points = options.points & udp_points();
  if (socket.points == PointSet{}) return {};
  if (socket.has_tx_points() && options.features.scm_ts_opt_id && kernel_takes_timestamp_id()) {
    socket.tx_id_source = TxIdSource::kernel;
  }
  return os::set_option(socket.fd.get(), SOL_SOCKET, abi::so_timestamping_new,
                        timestamping_flags(socket.points, socket.tx_id_source),
                        "SO_TIMESTAMPING_NEW");
}

Result<void> configure(UdpSocket& socket, const TransportOptions& options) {
  const int fd = socket.fd.get();
  // A socket with one address can only have been sent to there.
  const bool want_address = options.local.is_unspecified() && !options.remote;
  NETOBS_TRY_VOID(bind_to_interface(fd, options.interface));
  if (socket.family == AF_INET6) {
    NETOBS_TRY_VOID(os::set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY"));
    NETOBS_TRY_VOID(configure_v6(fd, options, want_address));
  } else {
    NETOBS_TRY_VOID(configure_v4(fd, options, want_address));
  }
  NETOBS_TRY_VOID(size_receive_buffer(fd, options.receive_buffer_bytes));
  if (options.busy_poll_us > 0) {
    NETOBS_TRY_VOID(
        os::set_option(fd, SOL_SOCKET, SO_BUSY_POLL, options.busy_poll_us, "SO_BUSY_POLL"));
  }
  return enable_timestamps(socket, options);
}

}  // namespace

std::uint32_t UdpSocket::hardware_stamp_flags() const {
  std::uint32_t flags = SOF_TIMESTAMPING_TX_HARDWARE;
  if (points.has(Point::tx_sched)) flags |= SOF_TIMESTAMPING_TX_SCHED;
  if (points.has(Point::tx_software)) flags |= SOF_TIMESTAMPING_TX_SOFTWARE;
  return flags;
}

std::uint64_t UdpSocket::receive_overflow() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> values{};
  socklen_t size = sizeof values;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_MEMINFO, values.data(), &size) != 0) return 0;
  return values[SK_MEMINFO_DROPS];
}

Endpoint UdpSocket::local_address() const {
  Endpoint address = local;
  address.port = 0;
  return address;
}

PointSet udp_points() {
  PointSet points;
  for (const Point point : {Point::tx_sched, Point::tx_software, Point::tx_hardware,
                            Point::rx_hardware, Point::rx_software}) {
    points.add(point);
  }
  return points;
}

Result<UdpSocket> open_udp_socket(const TransportOptions& options) {
  UdpSocket socket;
  socket.family = choose_family(options);
  const bool any_version =
      options.local.is_unspecified() && !options.local.is_v4() && !options.remote;
  NETOBS_TRY(fd, open_socket(socket.family, any_version));
  socket.fd = std::move(fd);
  NETOBS_TRY_VOID(configure(socket, options));
  NETOBS_TRY_VOID(bind_local(socket.fd.get(), options.local, socket.family));
  if (options.remote) {
    NETOBS_TRY_VOID(connect_remote(socket.fd.get(), *options.remote, socket.family));
    socket.remote = *options.remote;
    socket.connected = true;
    const bool rx_points =
        socket.points.has(Point::rx_software) || socket.points.has(Point::rx_hardware);
    socket.tells_nothing_beside = !rx_points && !options.receive_ttl;
  }
  NETOBS_TRY(local, os::bound_endpoint(socket.fd.get()));
  socket.local = local;
  if (options.control_bytes != 0) socket.control_bytes = options.control_bytes;
  return socket;
}

bool may_be_pending_error(int sys_errno) {
  switch (sys_errno) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EPROTO:
    case EACCES:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EHOSTDOWN:
    case EMSGSIZE:
      return true;
    default:
      return false;
  }
}

}  // namespace netobs
