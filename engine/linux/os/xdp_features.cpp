#include "linux/os/xdp_features.hpp"

#include <linux/genetlink.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "linux/os/netlink.hpp"

namespace netobs::os {
namespace {

// include/uapi/linux/netdev.h, younger than the oldest headers.
constexpr std::string_view netdev_family = "netdev";
constexpr std::uint8_t command_dev_get = 1;          // NETDEV_CMD_DEV_GET
constexpr std::uint16_t attribute_ifindex = 1;       // NETDEV_A_DEV_IFINDEX
constexpr std::uint16_t attribute_rx_metadata = 5;   // NETDEV_A_DEV_XDP_RX_METADATA_FEATURES
constexpr std::uint16_t attribute_xsk_features = 6;  // NETDEV_A_DEV_XSK_FEATURES
constexpr std::uint64_t rx_metadata_timestamp = 1;   // NETDEV_XDP_RX_METADATA_TIMESTAMP
constexpr std::uint64_t xsk_features_timestamp = 1;  // NETDEV_XSK_FLAGS_TX_TIMESTAMP

std::uint64_t wide_number_of(const nlattr& attribute) {
  std::uint64_t value = 0;
  const auto bytes = bytes_of(attribute);
  if (bytes.size() >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace

XdpClockFeatures xdp_clock_features(int ifindex) {
  XdpClockFeatures features;
  auto netlink = Netlink::open(NETLINK_GENERIC);
  if (!netlink) return features;
  const auto family = generic_family(*netlink, netdev_family);
  if (family == 0) return features;
  NetlinkRequest request(family, 0);
  request.add_header<genlmsghdr>() = {.cmd = command_dev_get, .version = 1, .reserved = 0};
  request.add(attribute_ifindex, static_cast<std::uint32_t>(ifindex));
  (void)netlink->ask(request, [&](const nlmsghdr& message) {
    for_each_attribute<genlmsghdr>(message, [&](const nlattr& attribute) {
      const auto type = mnl_attr_get_type(&attribute);
      if (type == attribute_rx_metadata) {
        features.receive = (wide_number_of(attribute) & rx_metadata_timestamp) != 0;
      } else if (type == attribute_xsk_features) {
        features.transmit = (wide_number_of(attribute) & xsk_features_timestamp) != 0;
      }
    });
  });
  return features;
}

}  // namespace netobs::os
