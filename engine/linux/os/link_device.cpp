#include "linux/os/link_device.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <string_view>

namespace netobs::os {
namespace {

/// What one RTM_NEWLINK says.
struct Link {
  std::string name;
  std::uint16_t hardware_type = 0;
  unsigned flags = 0;
  std::uint32_t mtu_bytes = 0;
  int below = 0;
  MacAddress mac{};
  std::string kind;
  VlanTag vlan;
};

void read_vlan(const nlattr& data, VlanTag& vlan) {
  for_each_nested(data, [&](const nlattr& attribute) {
    if (mnl_attr_get_payload_len(&attribute) < 2) return;
    const auto value = mnl_attr_get_u16(&attribute);
    if (mnl_attr_get_type(&attribute) == IFLA_VLAN_ID) vlan.id = value;
    if (mnl_attr_get_type(&attribute) == IFLA_VLAN_PROTOCOL) vlan.protocol = ntohs(value);
  });
}

void read_kind(const nlattr& info, Link& link) {
  for_each_nested(info, [&](const nlattr& attribute) {
    const auto bytes = bytes_of(attribute);
    if (mnl_attr_get_type(&attribute) == IFLA_INFO_KIND) {
      link.kind.assign(bytes.begin(), std::ranges::find(bytes, 0));
    }
  });
  if (link.kind != "vlan") return;
  for_each_nested(info, [&](const nlattr& attribute) {
    if (mnl_attr_get_type(&attribute) == IFLA_INFO_DATA) read_vlan(attribute, link.vlan);
  });
}

Link read_link(const nlmsghdr& message) {
  Link link;
  const auto* fixed = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
  link.hardware_type = fixed->ifi_type;
  link.flags = fixed->ifi_flags;
  for_each_attribute<ifinfomsg>(message, [&](const nlattr& attribute) {
    const auto bytes = bytes_of(attribute);
    switch (mnl_attr_get_type(&attribute)) {
      case IFLA_IFNAME:
        link.name.assign(bytes.begin(), std::ranges::find(bytes, 0));
        break;
      case IFLA_MTU:
        link.mtu_bytes = number_of(attribute);
        break;
      case IFLA_LINK:
        link.below = std::bit_cast<int>(number_of(attribute));
        break;
      case IFLA_ADDRESS:
        if (bytes.size() == link.mac.size()) std::ranges::copy(bytes, link.mac.begin());
        break;
      case IFLA_LINKINFO:
        read_kind(attribute, link);
        break;
      default:
        break;
    }
  });
  return link;
}

Result<Link> ask_link(Netlink& netlink, int index) {
  NetlinkRequest request(RTM_GETLINK, 0);
  request.add_header<ifinfomsg>().ifi_index = index;
  Link link;
  const int error = netlink.ask(request, [&](const nlmsghdr& message) {
    if (message.nlmsg_type == RTM_NEWLINK && message.nlmsg_len >= NLMSG_LENGTH(sizeof(ifinfomsg))) {
      link = read_link(message);
    }
  });
  if (error != 0) {
    return fail({.what = fmt::format("look at the network device {}", index),
                 .sys_errno = error,
                 .cause = "",
                 .remedy = "`ip link` lists what there is."});
  }
  return link;
}

Error no_frames(const std::string& name, std::string cause) {
  return {.what = fmt::format("send Ethernet frames through {}", name),
          .sys_errno = EOPNOTSUPP,
          .cause = std::move(cause),
          .remedy = "Use --transport syscall or io_uring."};
}

}  // namespace

Result<LinkDevice> link_device(Netlink& netlink, int index) {
  NETOBS_TRY(link, ask_link(netlink, index));
  if (link.hardware_type != ARPHRD_ETHER && link.hardware_type != ARPHRD_LOOPBACK) {
    return fail(no_frames(link.name, "It is no Ethernet device."));
  }
  LinkDevice device;
  device.index = device.carrier_index = index;
  device.name = device.carrier = link.name;
  device.mac = link.mac;
  device.mtu_bytes = link.mtu_bytes;
  device.loopback = (link.flags & IFF_LOOPBACK) != 0;
  device.resolves = !device.loopback && (link.flags & IFF_NOARP) == 0;
  if (link.kind != "vlan") return device;
  NETOBS_TRY(below, ask_link(netlink, link.below));
  if (below.kind == "vlan") {
    return fail(no_frames(link.name, "It is a VLAN on a VLAN; one tag is supported."));
  }
  device.carrier_index = link.below;
  device.carrier = below.name;
  device.vlan = link.vlan;
  return device;
}

Result<LinkDevice> link_device(const std::string& name) {
  const auto index = ::if_nametoindex(name.c_str());
  if (index == 0) {
    return fail({.what = fmt::format("find the interface {}", name),
                 .sys_errno = ENODEV,
                 .cause = "There is no interface of that name in this network namespace.",
                 .remedy = "`ip link` lists those there are.",
                 .exit = ExitCode::usage});
  }
  NETOBS_TRY(netlink, Netlink::open());
  return link_device(netlink, static_cast<int>(index));
}

}  // namespace netobs::os
