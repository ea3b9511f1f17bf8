#pragma once

#include <string>
#include <string_view>

#include "core/base/result.hpp"
#include "core/clock/cross_timestamp.hpp"
#include "linux/os/fd.hpp"

namespace netobs::nic {

/// A PTP hardware clock, opened for reading. Move-only.
class Phc {
 public:
  /// Opens /dev/ptp`index` and finds the best way to compare it with CLOCK_REALTIME, by trying.
  /// Errors: no such clock, no device node (a container without it), no permission.
  [[nodiscard]] static Result<Phc> open(int index);

  /// Compares the two clocks. Takes some microseconds, over PCIe some tens.
  ///
  /// By PTP_SYS_OFFSET_EXTENDED and PTP_SYS_OFFSET the system clock is read before and after the
  /// PHC: the shortest of five brackets, and half of it, plus 1 ns, is the half width. It bounds
  /// the error whatever happens in between. By PTP_SYS_OFFSET_PRECISE the hardware latches both
  /// clocks at once and tells no bracket: the median of five offsets, and the largest distance of
  /// the others from it, plus 1 ns, is the half width. A constant error of the hardware (PCIe
  /// PTM's, tens of ns) is not in it.
  [[nodiscard]] Result<CrossTimestamp> read();
  /// "PTP_SYS_OFFSET_PRECISE", "PTP_SYS_OFFSET_EXTENDED" or "PTP_SYS_OFFSET".
  [[nodiscard]] std::string_view method() const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Phc(os::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  os::Fd fd_;
  std::string path_;
  std::size_t method_ = 0;  ///< row of the table of methods, best first
};

}  // namespace netobs::nic
