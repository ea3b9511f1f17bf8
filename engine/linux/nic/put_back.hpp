#pragma once
// Restoring what a note says, at the end of a transaction or after a crash.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "linux/nic/hwtstamp.hpp"
#include "linux/nic/ptp_users.hpp"
#include "linux/nic/saved_setting.hpp"
#include "linux/nic/state_directory.hpp"

namespace netobs::nic {

/// The files about one NIC.
struct NicFiles {
  std::string saved;  ///< a SavedSetting, while something is changed
  std::string users;  ///< every living user holds a shared lock on it
};
[[nodiscard]] NicFiles nic_files(std::uint32_t netns_inode, int index);
/// Indexes of the NICs of this namespace about which there is a SavedSetting; a bounded number.
[[nodiscard]] std::vector<int> saved_indexes(const StateDirectory& directory,
                                             std::uint32_t netns_inode);

/// What a transaction is about, and whom it asks.
struct NicSubject {
  NicIdentity nic;
  NicFiles files;
  std::function<std::vector<PtpUser>()> ptp_users;
};

/// The driver's setting; nullopt when it cannot be asked. The error is an errno.
[[nodiscard]] std::expected<std::optional<HwtstampConfig>, int> setting_of(HwtstampDevice& device);
/// Those who depend on the setting, as a list for a sentence: "ptp4l (process 12)"; "" for none.
[[nodiscard]] std::string dependents_text(const std::vector<PtpUser>& users);

struct PutBack {
  bool restored = false;  ///< false: there was nothing to restore, or it is left to somebody
  std::string sentence;   ///< what was done or why not; "" when there was nothing to do
};

/// What is to be told when it was a crash's leftover; "" for nothing.
[[nodiscard]] std::string leftover_text(const NicSubject& subject, const PutBack& done);

/// Does what restoration() says and removes the note. With an error the note stays, and the next
/// start tries again. Only while the folder's mutex is held and nobody else uses the setting.
[[nodiscard]] Result<PutBack> put_back(HwtstampDevice& device, const NicSubject& subject,
                                       const StateDirectory& directory);

}  // namespace netobs::nic
