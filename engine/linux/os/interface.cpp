#include "linux/os/interface.hpp"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "linux/os/fd.hpp"

namespace netobs::os {
namespace {

constexpr std::array virtual_drivers{"veth",    "bridge", "dummy", "tun",
                                     "macvlan", "ipvlan", "vxlan", "ifb"};

struct FreeAddresses {
  void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};
using AddressList = std::unique_ptr<ifaddrs, FreeAddresses>;

AddressList own_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return nullptr;
  return AddressList(list);
}

Endpoint to_endpoint(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return Endpoint::v4(bytes, ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  Endpoint endpoint;
  std::memcpy(endpoint.address.data(), &v6.sin6_addr, endpoint.address.size());
  endpoint.port = ntohs(v6.sin6_port);
  endpoint.scope_id = v6.sin6_scope_id;
  return endpoint;
}

bool ethtool(int fd, const std::string& name, void* command) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = static_cast<char*>(command);
  return ::ioctl(fd, SIOCETHTOOL, &request) == 0;
}

void ask_driver(int fd, InterfaceFacts& facts) {
  ethtool_drvinfo driver{};
  driver.cmd = ETHTOOL_GDRVINFO;
  if (ethtool(fd, facts.name, &driver)) {
    facts.driver.assign(driver.driver, ::strnlen(driver.driver, sizeof driver.driver));
  }
  ethtool_ts_info stamping{};
  stamping.cmd = ETHTOOL_GET_TS_INFO;
  if (ethtool(fd, facts.name, &stamping)) facts.has_phc = stamping.phc_index >= 0;
  ethtool_coalesce coalesce{};
  coalesce.cmd = ETHTOOL_GCOALESCE;
  if (ethtool(fd, facts.name, &coalesce)) {
    facts.rx_coalesce_us = coalesce.rx_coalesce_usecs;
    facts.tx_coalesce_us = coalesce.tx_coalesce_usecs;
  }
}

/// The bytes of one attribute of rtnetlink's answer about a link; empty without it. (What sysfs
/// shows does not follow namespaces.)
std::string link_attribute(int index, unsigned short type) {
  const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  struct {
    nlmsghdr header;
    ifinfomsg link;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.link.ifi_index = index;
  if (!socket || ::send(socket.get(), &request, sizeof request, 0) < 0) return {};
  alignas(nlmsghdr) std::array<char, 32768> reply{};
  const auto size = ::recv(socket.get(), reply.data(), reply.size(), 0);
  constexpr auto fixed = NLMSG_LENGTH(sizeof(ifinfomsg));
  if (size < static_cast<ssize_t>(fixed)) return {};
  nlmsghdr header{};
  std::memcpy(&header, reply.data(), sizeof header);
  if (header.nlmsg_type != RTM_NEWLINK) return {};
  const auto end =
      std::min(static_cast<std::size_t>(size), static_cast<std::size_t>(header.nlmsg_len));
  for (std::size_t at = NLMSG_ALIGN(fixed); at + sizeof(rtattr) <= end;) {
    rtattr attribute{};
    std::memcpy(&attribute, reply.data() + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || at + attribute.rta_len > end) break;
    if (attribute.rta_type == type) {
      return {reply.data() + at + sizeof attribute, attribute.rta_len - sizeof attribute};
    }
    at += RTA_ALIGN(attribute.rta_len);
  }
  return {};
}

std::string root_qdisc(int index) {
  const auto text = link_attribute(index, IFLA_QDISC);
  return text.substr(0, text.find('\0'));
}

}  // namespace

bool InterfaceFacts::is_virtual() const {
  return loopback ||
         std::ranges::any_of(virtual_drivers, [&](const char* known) { return driver == known; });
}

std::string InterfaceFacts::label() const {
  const std::string& kind = loopback ? "loopback" : driver.empty() ? "no driver name" : driver;
  return fmt::format("{} ({}{})", name, kind, is_virtual() ? ": no wire" : "");
}

Result<void> switch_off_tx_checksumming(const std::string& name) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_value off{.cmd = ETHTOOL_STXCSUM, .data = 0};
  if (socket && ethtool(socket.get(), name, &off)) return {};
  return fail({.what = fmt::format("switch off checksum offload of {}", name),
               .sys_errno = errno,
               .cause = "It needs CAP_NET_ADMIN.",
               .remedy = "Run it with sudo."});
}

Result<InterfaceFacts> interface_facts(const std::string& name) {
  InterfaceFacts facts;
  facts.name = name;
  facts.index = static_cast<int>(::if_nametoindex(name.c_str()));
  if (facts.index == 0) {
    return fail({.what = fmt::format("find the interface {}", name),
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = "`ip link` lists what there is.",
                 .exit = ExitCode::usage});
  }
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (::ioctl(socket.get(), SIOCGIFMTU, &request) == 0) {
    facts.mtu_bytes = static_cast<std::uint32_t>(request.ifr_mtu);
  }
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0) {
    facts.loopback = (static_cast<unsigned>(request.ifr_flags) & IFF_LOOPBACK) != 0;
  }
  ask_driver(socket.get(), facts);
  facts.qdisc = root_qdisc(facts.index);
  facts.enslaved = !link_attribute(facts.index, IFLA_MASTER).empty();
  return facts;
}

Result<std::vector<std::string>> interfaces_up() {
  const auto list = own_addresses();
  if (!list) {
    return fail({.what = "list the interfaces", .sys_errno = errno, .cause = "", .remedy = ""});
  }
  std::vector<std::string> names;
  for (const ifaddrs* row = list.get(); row != nullptr; row = row->ifa_next) {
    if ((row->ifa_flags & IFF_UP) == 0) continue;
    if (std::ranges::find(names, row->ifa_name) == names.end()) {
      names.emplace_back(row->ifa_name);
    }
  }
  return names;
}

Result<bool> has_address(const std::string& name) {
  const auto list = own_addresses();
  if (!list) {
    return fail(
        {.what = "list the addresses of " + name, .sys_errno = errno, .cause = "", .remedy = ""});
  }
  for (const ifaddrs* row = list.get(); row != nullptr; row = row->ifa_next) {
    // An IPv4 address with a label goes by that: "eth0:1".
    const std::string_view label(row->ifa_name);
    if (row->ifa_addr == nullptr || label.substr(0, label.find(':')) != name) continue;
    const auto family = row->ifa_addr->sa_family;
    if (family == AF_INET) return true;
    if (family != AF_INET6) continue;
    const auto bytes = to_endpoint(*row->ifa_addr).address;
    const bool link_local = bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80;
    if (!link_local) return true;
  }
  return false;
}

std::vector<Endpoint> local_addresses() {
  const auto list = own_addresses();
  std::vector<Endpoint> addresses;
  for (const ifaddrs* row = list.get(); row != nullptr; row = row->ifa_next) {
    if (row->ifa_addr == nullptr) continue;
    const auto family = row->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    addresses.push_back(to_endpoint(*row->ifa_addr));
  }
  return addresses;
}

unsigned receive_queue_count(const std::string& name) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  // A driver that does not tell has one queue, or is not one to receive on several.
  if (!socket || !ethtool(socket.get(), name, &channels)) return 1;
  return std::max(1U, channels.rx_count + channels.combined_count);
}

std::optional<std::string> interface_holding(const Endpoint& address) {
  const auto list = own_addresses();
  for (const ifaddrs* row = list.get(); row != nullptr; row = row->ifa_next) {
    if (row->ifa_addr == nullptr) continue;
    const auto family = row->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    if (to_endpoint(*row->ifa_addr).address == address.address) return row->ifa_name;
  }
  return std::nullopt;
}

Result<Endpoint> source_address_towards(const Endpoint& remote) {
  // connect() on a UDP socket only looks up the route; nothing leaves.
  const int family = remote.is_v4() ? AF_INET : AF_INET6;
  const Fd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  socklen_t length = 0;
  if (remote.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(remote.port);
    std::memcpy(&v4.sin_addr, remote.address.data() + 12, 4);
    std::memcpy(&address, &v4, length = sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(remote.port);
    v6.sin6_scope_id = remote.scope_id;
    std::memcpy(&v6.sin6_addr, remote.address.data(), 16);
    std::memcpy(&address, &v6, length = sizeof v6);
  }
  sockaddr_storage own{};
  socklen_t own_length = sizeof own;
  if (!socket || ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own), &own_length) != 0) {
    return fail({.what = fmt::format("find a route to {}", remote.address_text()),
                 .sys_errno = errno,
                 .cause = "No interface of this host leads there.",
                 .remedy = "Check the address, and `ip route get`."});
  }
  return to_endpoint(*reinterpret_cast<sockaddr*>(&own));
}

}  // namespace netobs::os
