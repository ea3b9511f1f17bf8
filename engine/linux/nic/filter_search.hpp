#pragma once
// Which setting to ask a driver for, in which order, and what its answer means.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "linux/nic/hwtstamp.hpp"

namespace netobs::nic {

/// What a measurement needs of the setting.
struct Need {
  bool tx = true;
  bool rx = true;
  bool ptp_disguise = false;  ///< the packets look like PTPv2 Sync on UDP port 319
};

/// Whether this filter is meant to match the packets. "some" may, but nobody can say.
[[nodiscard]] bool can_stamp_received(int rx_filter, const Need& need);
/// Whether packets that ask for a timestamp get one. One-step modes leave ordinary packets alone;
/// what looks like a Sync message they rewrite, and give no timestamp.
[[nodiscard]] bool can_stamp_sent(int tx_type, const Need& need);
[[nodiscard]] bool suffices(const HwtstampConfig& config, const Need& need);

/// Changes a device's setting step by step until it may suffice. Changes no more than is missing: a
/// change may take the link down.
class FilterSearch {
 public:
  /// `found`: the setting before; nullopt: the driver cannot be asked, and "off" and "none" are
  /// assumed, which is what drivers start with. The device outlives this.
  FilterSearch(HwtstampDevice& device, const Need& need, std::optional<HwtstampConfig> found);

  /// After it, in_force() suffices for at least one direction that is needed, or nothing is changed
  /// and it is an error: no permission, no such device any more, everything refused.
  [[nodiscard]] Result<void> take_first();
  /// The filter in force gave no timestamp. False: none is left that could, and the filter is back
  /// at what was found; again false after that.
  [[nodiscard]] Result<bool> take_next();
  /// The filter stays as it is, though it gave no timestamp.
  void give_up(std::string reason);

  [[nodiscard]] const HwtstampConfig& in_force() const { return in_force_; }
  [[nodiscard]] const HwtstampConfig& found() const { return found_; }
  [[nodiscard]] bool may_stamp_received() const { return may_stamp_received_; }
  /// Sentences about what the driver refused or changed.
  [[nodiscard]] const std::vector<std::string>& remarks() const { return remarks_; }

 private:
  enum class Answer { taken, refused, useless };
  Result<Answer> ask(const HwtstampConfig& config);
  Result<void> settle_tx();
  Result<bool> take_candidate();
  Result<void> put_back_filter();
  [[nodiscard]] bool gave_nothing(int rx_filter) const;
  void remark_answer(const HwtstampConfig& asked, const HwtstampConfig& got);

  HwtstampDevice* device_;
  Need need_;
  HwtstampConfig found_;
  HwtstampConfig in_force_;
  int tx_type_;           ///< to ask for together with each filter
  std::size_t next_ = 0;  ///< of the candidates
  std::vector<int> gave_nothing_;
  bool may_stamp_received_ = false;
  std::vector<std::string> remarks_;
};

}  // namespace netobs::nic
