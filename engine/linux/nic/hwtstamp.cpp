#include "linux/nic/hwtstamp.hpp"

#include <fmt/format.h>

#include <array>
#include <span>

namespace netobs::nic {
namespace {

// In the order of the kernel's numbers (linux/net_tstamp.h).
constexpr std::array<std::string_view, 4> tx_type_names{"off", "on", "onestep-sync", "onestep-p2p"};
constexpr std::array<std::string_view, 16> rx_filter_names{
    "none",           "all",           "some",
    "ptpv1-l4-event", "ptpv1-l4-sync", "ptpv1-l4-delay-req",
    "ptpv2-l4-event", "ptpv2-l4-sync", "ptpv2-l4-delay-req",
    "ptpv2-l2-event", "ptpv2-l2-sync", "ptpv2-l2-delay-req",
    "ptpv2-event",    "ptpv2-sync",    "ptpv2-delay-req",
    "ntp-all"};

std::string name_of(std::span<const std::string_view> names, int number) {
  const auto row = static_cast<std::size_t>(number);  // a negative one becomes a huge one
  return row < names.size() ? std::string(names[row]) : fmt::format("{}", number);
}

}  // namespace

std::string tx_type_name(int tx_type) {
  return name_of(tx_type_names, tx_type);
}
std::string rx_filter_name(int rx_filter) {
  return name_of(rx_filter_names, rx_filter);
}

std::string describe(const HwtstampConfig& config) {
  return fmt::format("rx_filter {}, tx_type {}", rx_filter_name(config.rx_filter),
                     tx_type_name(config.tx_type));
}

std::string describe_change(const HwtstampConfig& from, const HwtstampConfig& to) {
  std::string text;
  if (from.rx_filter != to.rx_filter) {
    text = fmt::format("rx_filter {} -> {}", rx_filter_name(from.rx_filter),
                       rx_filter_name(to.rx_filter));
  }
  if (from.tx_type != to.tx_type) {
    text += fmt::format("{}tx_type {} -> {}", text.empty() ? "" : ", ", tx_type_name(from.tx_type),
                        tx_type_name(to.tx_type));
  }
  return text;
}

}  // namespace netobs::nic
