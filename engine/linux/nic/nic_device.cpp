#include "linux/nic/nic_device.hpp"

#include <fmt/format.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "linux/os/link_device.hpp"

namespace netobs::nic {

Result<NicDevice> NicDevice::open(const std::string& interface) {
  const auto own_index = interface.size() < IFNAMSIZ ? ::if_nametoindex(interface.c_str()) : 0;
  if (own_index == 0) {
    return fail({.what = fmt::format("find the interface {}", interface),
                 .sys_errno = ENODEV,
                 .cause = "There is no interface of that name in this network namespace.",
                 .remedy = "`ip link` lists those there are.",
                 .exit = ExitCode::usage});
  }
  // A device without Ethernet frames is an error there, and stands for itself here.
  const auto link = os::link_device(interface);
  return open(link ? link->carrier_index : static_cast<int>(own_index));
}

Result<NicDevice> NicDevice::open(int index) {
  os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) {
    return fail({.what = fmt::format("ask the driver of interface {}", index),
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  }
  return NicDevice(std::move(socket), index);
}

std::string NicDevice::name() const {
  ifreq request{};
  request.ifr_ifindex = index_;
  if (::ioctl(socket_.get(), SIOCGIFNAME, &request) != 0) return {};
  return {request.ifr_name, ::strnlen(request.ifr_name, IFNAMSIZ)};
}

MacAddress NicDevice::mac() const {
  ifreq request{};
  name().copy(request.ifr_name, IFNAMSIZ - 1);
  MacAddress mac{};
  if (::ioctl(socket_.get(), SIOCGIFHWADDR, &request) != 0) return mac;
  std::memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
  return mac;
}

std::expected<HwtstampConfig, int> NicDevice::get() {
  return exchange(SIOCGHWTSTAMP, {});
}
std::expected<HwtstampConfig, int> NicDevice::set(const HwtstampConfig& config) {
  return exchange(SIOCSHWTSTAMP, config);
}

std::expected<HwtstampConfig, int> NicDevice::exchange(unsigned long request,
                                                       const HwtstampConfig& config) {
  hwtstamp_config words{};
  words.tx_type = config.tx_type;
  words.rx_filter = config.rx_filter;
  ifreq question{};
  name().copy(question.ifr_name, IFNAMSIZ - 1);
  question.ifr_data = reinterpret_cast<char*>(&words);
  if (::ioctl(socket_.get(), request, &question) != 0) {
    // ENOTTY, ENOIOCTLCMD: what drivers answer who do not know the question.
    return std::unexpected(errno == ENOTTY ? EOPNOTSUPP : errno);
  }
  return HwtstampConfig{.tx_type = words.tx_type, .rx_filter = words.rx_filter};
}

int NicDevice::ethtool(void* command) const {
  ifreq request{};
  name().copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = static_cast<char*>(command);
  return ::ioctl(socket_.get(), SIOCETHTOOL, &request) == 0 ? 0 : errno;
}

}  // namespace netobs::nic
