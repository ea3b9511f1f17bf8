#pragma once
// A NIC's timestamping as a transaction: what is in force is read, only what is missing is changed,
// and it is put back on every way out, after a crash at the next start.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"

namespace netobs::nic {

struct NicOptions {
  std::string interface;      ///< of the calling thread's network namespace
  bool tx = true;             ///< hardware times of what is sent are wanted
  bool rx = true;             ///< hardware times of what is received are wanted
  bool ptp_disguise = false;  ///< probes look like PTP event messages: filters for those do
  bool force = false;         ///< change it although somebody else depends on the present setting
  std::string state_directory = "/run/netobs";  ///< made when it is missing
};

/// What was found and done; for report and doctor.
struct NicReport {
  std::string interface;  ///< the device that was set: of a VLAN device the one below it
  int phc_index = -1;     ///< N of /dev/ptpN; -1: the NIC names no clock
  std::string rx_filter;  ///< in force now, in ethtool's words: "all", "ptpv2-l4-event", "none"
  std::string tx_type;    ///< "on", "off", "onestep-sync"
  std::string changed;    ///< "" or "rx_filter none -> all, tx_type off -> on"
  /// Sentences: refused and widened filters, a crash's leftover restored, what restore() left
  /// alone.
  std::vector<std::string> remarks;
  bool may_stamp_ours = true;  ///< the rx filter in force can match our packets
};

/// Holds a NIC's setting. Several of them, in one process or many, share one setting as long as it
/// suffices for all; the last one restores. Move-only; not for two threads at once. It needs
/// CAP_NET_ADMIN for a change, and again to restore: keep it until then.
class NicSetup {
 public:
  /// Blocks for as long as the driver takes; a change may take the link down for seconds. Errors,
  /// each with its remedy: no such interface, a bond, no hardware timestamping, no CAP_NET_ADMIN, a
  /// PTP program or another netobs that depends on another setting, no usable state directory. A
  /// filter that the driver refuses is no error: report() says so.
  [[nodiscard]] static Result<NicSetup> start(const NicOptions& options);
  NicSetup(NicSetup&&) noexcept;
  NicSetup& operator=(NicSetup&&) noexcept;
  NicSetup(const NicSetup&) = delete;
  NicSetup& operator=(const NicSetup&) = delete;
  /// Restores, if restore() has not.
  ~NicSetup();

  /// Valid until this object changes or goes.
  [[nodiscard]] const NicReport& report() const;
  /// The filter in force delivered nothing for our packets: takes the next one that may. False:
  /// none is left, and the rx filter is back at what it was.
  [[nodiscard]] Result<bool> try_next_filter();
  /// How many transmissions the driver says it did not stamp since start(), whoever asked for the
  /// timestamp: ETHTOOL_MSG_TSINFO_GET's statistics (Linux 6.10), else the counters of `ethtool -S`
  /// whose names mean it. nullopt: it keeps none.
  [[nodiscard]] std::optional<std::uint64_t> tx_skipped() const;
  /// Puts the original setting back, if nobody else needs the present one and nobody else changed
  /// it. Done once; later calls do nothing.
  [[nodiscard]] Result<void> restore();

 private:
  class Hold;
  explicit NicSetup(std::unique_ptr<Hold> hold);
  std::unique_ptr<Hold> hold_;
};

/// Puts back what a crashed process left changed in the calling thread's network namespace. Returns
/// a sentence for each NIC that it found so. For the start of every command that touches a NIC.
std::vector<std::string> restore_leftovers(const std::string& state_directory = "/run/netobs");

}  // namespace netobs::nic
