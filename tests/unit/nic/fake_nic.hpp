#pragma once

#include <linux/net_tstamp.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <vector>

#include "linux/nic/hwtstamp.hpp"

namespace netobs::nic {

constexpr HwtstampConfig untouched{HWTSTAMP_TX_OFF, HWTSTAMP_FILTER_NONE};
constexpr HwtstampConfig everything{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_ALL};
constexpr HwtstampConfig ptp4l_like{HWTSTAMP_TX_ON, HWTSTAMP_FILTER_PTP_V2_L4_EVENT};

/// A driver that does what `answer` says, and remembers what it was asked for.
class FakeNic final : public HwtstampDevice {
 public:
  using Answer = std::expected<HwtstampConfig, int>;
  explicit FakeNic(HwtstampConfig first = untouched) : now(first) {}

  Answer get() override {
    if (get_error != 0) return std::unexpected(get_error);
    return now;
  }
  Answer set(const HwtstampConfig& config) override {
    asked.push_back(config);
    auto got = answer(config);
    if (got) now = *got;
    return got;
  }
  /// The rx filters that were asked for, in order.
  [[nodiscard]] std::vector<int> filters() const {
    std::vector<int> list;
    list.reserve(asked.size());
    for (const auto& one : asked) list.push_back(one.rx_filter);
    return list;
  }

  HwtstampConfig now;
  int get_error = 0;
  std::function<Answer(const HwtstampConfig&)> answer = [](const HwtstampConfig& config) -> Answer {
    return config;
  };
  std::vector<HwtstampConfig> asked;
};

/// Takes these filters (and none) as they are, and refuses the others.
inline std::function<FakeNic::Answer(const HwtstampConfig&)> only(const std::vector<int>& filters) {
  return [filters](const HwtstampConfig& config) -> FakeNic::Answer {
    for (const int one : filters) {
      if (config.rx_filter == one) return config;
    }
    if (config.rx_filter == HWTSTAMP_FILTER_NONE) return config;
    return std::unexpected(ERANGE);
  };
}

}  // namespace netobs::nic
