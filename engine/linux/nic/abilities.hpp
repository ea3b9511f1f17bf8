#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace netobs::nic {

/// What a driver says it can stamp. Drivers err both ways: believe delivered timestamps only.
struct Abilities {
  bool tx_hardware = false;
  bool rx_hardware = false;
  bool raw_hardware = false;            ///< it reports the PHC's own time
  int phc_index = -1;                   ///< N of /dev/ptpN; -1: no clock
  std::vector<std::string> tx_types;    ///< ethtool's words: "off", "on", "onestep-sync"
  std::vector<std::string> rx_filters;  ///< "none", "all", "ptpv2-l4-event"
  std::string tx_type;                  ///< in force now; empty where the driver cannot be asked
  std::string rx_filter;                ///< in force now; empty where the driver cannot be asked
};

class NicDevice;

/// Asks the driver (ETHTOOL_GET_TS_INFO); needs no capability. Errors: no such interface.
[[nodiscard]] Result<Abilities> abilities(const std::string& interface);
[[nodiscard]] Abilities abilities(NicDevice& device);

}  // namespace netobs::nic
