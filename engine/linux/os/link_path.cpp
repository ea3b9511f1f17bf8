#include "linux/os/link_path.hpp"

#include <fmt/format.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <thread>

#include "linux/os/clock.hpp"
#include "linux/os/socket.hpp"

namespace netobs::os {
namespace {

constexpr std::size_t mapped_offset = 12;  // of the IPv4 address in an IPv4-mapped one
constexpr std::uint16_t usable_states =
    NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

struct Route {
  int interface = 0;
  Endpoint gateway;  ///< all zero = the remote itself
  Endpoint source;
  std::uint32_t mtu_bytes = 0;  ///< 0 = none of its own
  bool usable = true;           ///< false: blackhole, prohibit, unreachable
};

std::span<const std::uint8_t> address_bytes(const Endpoint& endpoint) {
  return std::span(endpoint.address).subspan(endpoint.is_v4() ? mapped_offset : 0);
}

std::uint8_t family_of(const Endpoint& endpoint) {
  return endpoint.is_v4() ? AF_INET : AF_INET6;
}

std::uint8_t bits_of(const Endpoint& endpoint) {
  return endpoint.is_v4() ? 32 : 128;
}

Endpoint address_of(std::span<const std::uint8_t> bytes) {
  if (bytes.size() == 4) return Endpoint::v4({bytes[0], bytes[1], bytes[2], bytes[3]}, 0);
  Endpoint endpoint;
  if (bytes.size() == endpoint.address.size()) std::ranges::copy(bytes, endpoint.address.begin());
  return endpoint;
}

void read_metrics(const nlattr& metrics, Route& route) {
  for_each_nested(metrics, [&](const nlattr& attribute) {
    if (mnl_attr_get_type(&attribute) == RTAX_MTU) route.mtu_bytes = number_of(attribute);
  });
}

Route read_route(const nlmsghdr& message) {
  Route route;
  const auto* fixed = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
  route.usable = fixed->rtm_type == RTN_UNICAST || fixed->rtm_type == RTN_LOCAL;
  for_each_attribute<rtmsg>(message, [&](const nlattr& attribute) {
    const auto bytes = bytes_of(attribute);
    switch (mnl_attr_get_type(&attribute)) {
      case RTA_OIF:
        route.interface = static_cast<int>(number_of(attribute));
        break;
      case RTA_GATEWAY:
        route.gateway = address_of(bytes);
        break;
      case RTA_VIA:  // an IPv4 route whose gateway is IPv6: the family stands in front
        if (bytes.size() > 2) route.gateway = address_of(bytes.subspan(2));
        break;
      case RTA_PREFSRC:
        route.source = address_of(bytes);
        break;
      case RTA_METRICS:
        read_metrics(attribute, route);
        break;
      default:
        break;
    }
  });
  return route;
}

Result<Route> ask_route(Netlink& netlink, const LinkPathQuery& query, int interface) {
  NetlinkRequest request(RTM_GETROUTE, 0);
  auto& fixed = request.add_header<rtmsg>();
  fixed.rtm_family = family_of(query.remote);
  fixed.rtm_dst_len = bits_of(query.remote);
  if (!query.source.is_unspecified()) fixed.rtm_src_len = bits_of(query.source);
  request.add(RTA_DST, address_bytes(query.remote));
  if (!query.source.is_unspecified()) request.add(RTA_SRC, address_bytes(query.source));
  if (interface != 0) request.add(RTA_OIF, static_cast<std::uint32_t>(interface));
  Route route;
  int error = netlink.ask(request, [&](const nlmsghdr& message) {
    if (message.nlmsg_type == RTM_NEWROUTE && message.nlmsg_len >= NLMSG_LENGTH(sizeof(rtmsg))) {
      route = read_route(message);
    }
  });
  if (error == 0 && (route.interface == 0 || !route.usable)) error = ENETUNREACH;
  if (error == 0) return route;
  return fail({.what = fmt::format("find a route to {}", query.remote.address_text()),
               .sys_errno = error,
               .cause = "No interface of this host leads there.",
               .remedy = "Check the address, and `ip route get`."});
}

struct Neighbour {
  int error = 0;  ///< of the question; ENOENT = not known
  std::uint16_t state = 0;
  MacAddress mac{};
};

Neighbour ask_neighbour(Netlink& netlink, const Endpoint& address, int interface) {
  NetlinkRequest request(RTM_GETNEIGH, 0);
  auto& fixed = request.add_header<ndmsg>();
  fixed.ndm_family = family_of(address);
  fixed.ndm_ifindex = interface;
  request.add(NDA_DST, address_bytes(address));
  Neighbour neighbour;
  neighbour.error = netlink.ask(request, [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWNEIGH || message.nlmsg_len < NLMSG_LENGTH(sizeof(ndmsg))) {
      return;
    }
    neighbour.state = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&message))->ndm_state;
    for_each_attribute<ndmsg>(message, [&](const nlattr& attribute) {
      const auto bytes = bytes_of(attribute);
      if (mnl_attr_get_type(&attribute) == NDA_LLADDR && bytes.size() == neighbour.mac.size()) {
        std::ranges::copy(bytes, neighbour.mac.begin());
      }
    });
  });
  return neighbour;
}

/// An echo request, which the kernel resolves the neighbour for. False: it could not be sent.
///
/// For IPv6 this comes first: what the kernel asks by itself comes from the link-local address,
/// which cannot be used while it is being checked for duplicates (RFC 4862 section 5.4), for the
/// first seconds of an interface.
bool ping_neighbour(const Endpoint& address, const Endpoint& source, const LinkDevice& device) {
  const Fd fd(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6));
  if (!fd) return false;
  Endpoint to = address;
  to.scope_id = static_cast<std::uint32_t>(device.index);
  to.port = 0;            // on a raw socket it would be a protocol
  if (!source.is_v4()) {  // it is where a route of IPv4 has a gateway of IPv6
    Endpoint from = source;
    from.scope_id = to.scope_id;
    const auto own = to_socket_address(from, AF_INET6);
    if (::bind(fd.get(), own.get(), own.size_bytes) != 0) return false;
  }
  const auto peer = to_socket_address(to, AF_INET6);
  const std::array<std::uint8_t, 8> echo_request{128};  // the kernel fills in the checksum
  return ::sendto(fd.get(), echo_request.data(), echo_request.size(), MSG_DONTWAIT, peer.get(),
                  peer.size_bytes) >= 0;
}

/// The kernel resolves it as if it had a packet for it (neigh_event_send).
int provoke_neighbour(Netlink& netlink, const Endpoint& address, int interface) {
  NetlinkRequest request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  auto& fixed = request.add_header<ndmsg>();
  fixed.ndm_family = family_of(address);
  fixed.ndm_ifindex = interface;
  fixed.ndm_state = NUD_NONE;
  fixed.ndm_flags = NTF_USE;
  request.add(NDA_DST, address_bytes(address));
  return netlink.ask(request, [](const nlmsghdr&) {});
}

Error nobody_answers(const Endpoint& address, const LinkDevice& device, int error) {
  Error made{
      .what = fmt::format("resolve the neighbour {} on {}", address.address_text(), device.name),
      .sys_errno = error == 0 ? EHOSTUNREACH : error,
      .cause = "",
      .remedy = ""};
  if (error == EPERM) {
    made.cause = "Asking for it needs CAP_NET_ADMIN.";
    made.remedy = "Run with sudo, or give the process (the container) CAP_NET_ADMIN.";
  } else {
    made.cause = fmt::format("Nobody answers {} for that address.",
                             address.is_v4() ? "ARP" : "neighbour discovery");
    made.remedy = "Check that the host is up and on that link.";
  }
  return made;
}

Result<MacAddress> find_neighbour(Netlink& netlink, const Endpoint& address, const LinkPath& path,
                                  Duration limit) {
  constexpr Duration pause = std::chrono::milliseconds(1);
  const LinkDevice& device = path.device;
  const auto until = monotonic_now() + limit;
  bool provoked = false;
  while (true) {
    const auto neighbour = ask_neighbour(netlink, address, device.index);
    if ((neighbour.state & usable_states) != 0) return neighbour.mac;
    if (neighbour.error != 0 && neighbour.error != ENOENT) {
      return fail(nobody_answers(address, device, neighbour.error));
    }
    if (!provoked || (neighbour.state & NUD_FAILED) != 0) {
      provoked = true;
      const bool pinged = !address.is_v4() && ping_neighbour(address, path.source, device);
      const int error = pinged ? 0 : provoke_neighbour(netlink, address, device.index);
      if (error != 0) return fail(nobody_answers(address, device, error));
    }
    if (monotonic_now() >= until) return fail(nobody_answers(address, device, 0));
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

Result<LinkPath> find_link_path(const LinkPathQuery& query) {
  NETOBS_TRY(netlink, Netlink::open());
  return find_link_path(netlink, query);
}

Result<LinkPath> find_link_path(Netlink& netlink, const LinkPathQuery& query) {
  const auto scope = static_cast<int>(query.remote.scope_id);
  NETOBS_TRY(route, ask_route(netlink, query, query.interface != 0 ? query.interface : scope));
  LinkPath path;
  NETOBS_TRY(device, link_device(netlink, route.interface));
  path.device = device;
  path.source = query.source.is_unspecified() ? route.source : query.source;
  path.source.port = 0;
  path.mtu_bytes =
      route.mtu_bytes == 0 ? device.mtu_bytes : std::min(route.mtu_bytes, device.mtu_bytes);
  if (!device.resolves) {
    if (!device.loopback) path.next_hop_mac = device.mac;
    return path;
  }
  const Endpoint& hop = route.gateway == Endpoint{} ? query.remote : route.gateway;
  NETOBS_TRY(mac, find_neighbour(netlink, hop, path, query.limit));
  path.next_hop_mac = mac;
  return path;
}

Result<LinkWatch> LinkWatch::open() {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  // Without an address of its own a socket is left out of every broadcast.
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  bool good = fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0;
  for (const int group : {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
                          RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE}) {
    good = good &&
           ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
  }
  if (!good) {
    return fail({.what = "watch routes and neighbours (rtnetlink)",
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  }
  return LinkWatch(std::move(fd));
}

bool LinkWatch::changed() {
  constexpr int most_messages = 64;
  std::array<std::byte, 4096> message;
  bool any = false;
  for (int i = 0; i < most_messages; ++i) {
    const ssize_t size = ::recv(fd_.get(), message.data(), message.size(), MSG_TRUNC);
    // ENOBUFS: there were more than the socket could hold.
    if (size < 0) return any || errno == ENOBUFS;
    any = true;
  }
  return any;
}

}  // namespace netobs::os
