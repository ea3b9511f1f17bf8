#pragma once
// What a process writes down before it changes a NIC, and what is to be done with it afterwards.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "linux/nic/hwtstamp.hpp"

namespace netobs::nic {

/// Which device a note is about. A number of an interface may be given to another one later.
struct NicIdentity {
  std::string interface;
  std::string mac;      ///< "02:00:00:00:00:01"
  std::string boot_id;  ///< of the kernel: a restart sets every NIC back
  friend bool operator==(const NicIdentity&, const NicIdentity&) = default;
};

struct SavedSetting {
  NicIdentity nic;
  std::optional<HwtstampConfig> original;  ///< nullopt: the driver could not be asked
  std::optional<HwtstampConfig> applied;   ///< nullopt: a change is under way
  bool forced = false;  ///< a PTP program was there already, and had the original
  friend bool operator==(const SavedSetting&, const SavedSetting&) = default;

  /// What goes back: the original; "off" and "none", as drivers start, where it is not known.
  [[nodiscard]] HwtstampConfig target() const { return original.value_or(HwtstampConfig{}); }
};

constexpr std::size_t most_saved_bytes = 4096;
[[nodiscard]] std::string encode(const SavedSetting& saved);
/// nullopt: not such a text, or not one that a NIC may be set by. Any bytes will do.
[[nodiscard]] std::optional<SavedSetting> parse_saved_setting(std::string_view text);

enum class Restoration {
  none_needed,    ///< it is as it was
  put_back,       ///< the setting is ours: put the original one back
  not_ours,       ///< somebody changed it since
  needed_by_ptp,  ///< a PTP program started since, and may rely on what we set
};
/// `now`: nullopt where the driver cannot be asked. `ptp_running`: a PTP program needs a setting.
[[nodiscard]] Restoration restoration(const SavedSetting& saved, std::optional<HwtstampConfig> now,
                                      bool ptp_running);

}  // namespace netobs::nic
