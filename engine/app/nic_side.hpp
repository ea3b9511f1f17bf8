#pragma once
// One host's NIC as a source of timestamps: its setting, held for as long as this lives, and its
// clock.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/clock/cross_timestamp.hpp"
#include "core/clock/nic_clock.hpp"
#include "core/layer/point.hpp"
#include "core/report/run_document.hpp"
#include "core/session/stamp_budget.hpp"
#include "linux/nic/nic_setup.hpp"
#include "linux/nic/phc.hpp"

namespace netobs::app {

/// What a user may say about hardware timestamps, on both ends.
struct NicRequest {
  StampSampling sampling;
  bool force = false;         ///< change the NIC's setting although somebody depends on it
  bool ptp_disguise = false;  ///< packets look like PTP event messages (core/session/disguise.hpp)
};

/// Used by one thread at a time. Move-only; its end restores the NIC.
class NicSide {
 public:
  /// Sets the NIC for `points` (tx_hardware, rx_hardware; others are ignored) and opens its clock.
  /// Errors: what NicSetup::start() says. Without a readable clock it still works: see
  /// clock_refused().
  [[nodiscard]] static Result<NicSide> open(const std::string& interface, PointSet points,
                                            const NicRequest& request);

  /// Those of the points that may come now.
  [[nodiscard]] PointSet points() const;
  /// The receive filter in force gave nothing: takes the next. False: there is none.
  [[nodiscard]] Result<bool> try_next_filter() { return setup_.try_next_filter(); }
  [[nodiscard]] const nic::NicReport& report() const { return setup_.report(); }

  /// Compares the clocks once more; some microseconds, over PCIe some tens. nullopt: there is no
  /// clock to read, or it could not be read.
  [[nodiscard]] std::optional<CrossTimestamp> look();
  /// Looks until they span enough time to tell the rate: up to a quarter of a second.
  void settle();
  /// The looks of open() and settle(), for who converts.
  [[nodiscard]] const std::vector<CrossTimestamp>& first_looks() const { return first_looks_; }
  [[nodiscard]] bool has_clock() const { return !first_looks_.empty(); }
  [[nodiscard]] const std::optional<Error>& clock_refused() const { return clock_refused_; }

  /// Transmissions that the driver says it did not stamp since settle(), whoever asked.
  [[nodiscard]] std::optional<std::uint64_t> tx_skipped() const;
  /// Puts the NIC back. Later calls, and the destructor, do nothing more.
  [[nodiscard]] Result<void> restore() { return setup_.restore(); }
  [[nodiscard]] std::string_view method() const { return phc_ ? phc_->method() : ""; }
  /// As far as this side knows it: all but what became of the run's own timestamps.
  [[nodiscard]] report::NicClockInfo describe(const std::optional<NicClockState>& clock) const;

 private:
  NicSide(nic::NicSetup setup, PointSet points) : setup_(std::move(setup)), wanted_(points) {}
  void open_clock();

  nic::NicSetup setup_;
  PointSet wanted_;
  std::optional<nic::Phc> phc_;
  std::optional<Error> clock_refused_;
  std::vector<CrossTimestamp> first_looks_;
  std::uint64_t skipped_before_ = 0;
};

/// "UTC", "TAI" or "its own", by how far the clock is from CLOCK_REALTIME. offset_ns:
/// CLOCK_REALTIME minus the NIC's clock. tai_offset_s: the kernel's, 0 where nobody has set it.
[[nodiscard]] std::string time_scale(std::int64_t offset_ns, std::int64_t tai_offset_s);

/// For an error about a NIC without receive times of our packets.
inline constexpr std::string_view disguise_remedy =
    "A NIC that stamps PTP messages only may do it with --ptp-disguise on both ends.";

/// The points of the layer nic among `points`.
[[nodiscard]] PointSet hardware_points(PointSet points);

}  // namespace netobs::app
