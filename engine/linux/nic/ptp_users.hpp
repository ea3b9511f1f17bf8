#pragma once

#include <string>
#include <vector>

namespace netobs::nic {

/// A program that uses an interface for time synchronisation.
struct PtpUser {
  std::string program;        ///< "ptp4l"; "unknown" where /proc does not tell
  int pid = 0;                ///< 0 where /proc does not tell
  std::string what;           ///< "keeps PTP time by this interface's timestamps"
  bool needs_setting = true;  ///< it depends on rx_filter and tx_type, not on the clock alone
};

/// PTP programs in the calling thread's network namespace that name this interface, or do not say
/// which they use, and whoever else has UDP port 319 (PTP event messages) bound there. Found by
/// looking through /proc; without root what belongs to others may stay hidden. Not in it: other
/// processes of this program, who settle it among themselves (nic_setup.hpp).
[[nodiscard]] std::vector<PtpUser> ptp_users(const std::string& interface);

}  // namespace netobs::nic
