#pragma once
// A driver's timestamping setting, and the interface behind which a test stands in for the driver.

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace netobs::nic {

/// The two words of struct hwtstamp_config, as the kernel numbers them.
struct HwtstampConfig {
  int tx_type = 0;    ///< HWTSTAMP_TX_*; 0 = off
  int rx_filter = 0;  ///< HWTSTAMP_FILTER_*; 0 = none
  friend bool operator==(const HwtstampConfig&, const HwtstampConfig&) = default;
};

/// ethtool's words; "17" for a number without one.
[[nodiscard]] std::string tx_type_name(int tx_type);
[[nodiscard]] std::string rx_filter_name(int rx_filter);
/// "rx_filter all, tx_type on".
[[nodiscard]] std::string describe(const HwtstampConfig& config);
/// "rx_filter none -> all, tx_type off -> on": what differs; "" when nothing does.
[[nodiscard]] std::string describe_change(const HwtstampConfig& from, const HwtstampConfig& to);

/// One NIC's setting. The error is an errno.
class HwtstampDevice {
 public:
  HwtstampDevice() = default;
  HwtstampDevice(const HwtstampDevice&) = delete;
  HwtstampDevice& operator=(const HwtstampDevice&) = delete;
  virtual ~HwtstampDevice() = default;
  /// EOPNOTSUPP: the driver cannot be asked.
  [[nodiscard]] virtual std::expected<HwtstampConfig, int> get() = 0;
  /// Returns what the driver says it took instead, which may be more or less than asked for.
  [[nodiscard]] virtual std::expected<HwtstampConfig, int> set(const HwtstampConfig& config) = 0;
};

}  // namespace netobs::nic
