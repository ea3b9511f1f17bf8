#include "linux/nic/abilities.hpp"

#include <linux/ethtool.h>
#include <linux/net_tstamp.h>

#include "linux/nic/nic_device.hpp"

namespace netobs::nic {
namespace {

template <class Name>
std::vector<std::string> words_of(std::uint32_t bits, Name name) {
  std::vector<std::string> words;
  for (int i = 0; i < 32; ++i) {
    if ((bits >> static_cast<unsigned>(i) & 1U) != 0) words.push_back(name(i));
  }
  return words;
}

}  // namespace

Abilities abilities(NicDevice& device) {
  Abilities found;
  ethtool_ts_info info{};
  info.cmd = ETHTOOL_GET_TS_INFO;
  // A driver without an answer stamps nothing, and has no clock.
  if (device.ethtool(&info) == 0) {
    found.tx_hardware = (info.so_timestamping & SOF_TIMESTAMPING_TX_HARDWARE) != 0;
    found.rx_hardware = (info.so_timestamping & SOF_TIMESTAMPING_RX_HARDWARE) != 0;
    found.raw_hardware = (info.so_timestamping & SOF_TIMESTAMPING_RAW_HARDWARE) != 0;
    found.phc_index = info.phc_index;
    found.tx_types = words_of(info.tx_types, tx_type_name);
    found.rx_filters = words_of(info.rx_filters, rx_filter_name);
  }
  if (const auto now = device.get()) {
    found.tx_type = tx_type_name(now->tx_type);
    found.rx_filter = rx_filter_name(now->rx_filter);
  }
  return found;
}

Result<Abilities> abilities(const std::string& interface) {
  NETOBS_TRY(device, NicDevice::open(interface));
  return abilities(device);
}

}  // namespace netobs::nic
