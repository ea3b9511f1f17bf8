#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "core/base/result.hpp"
#include "linux/os/netns.hpp"
#include "linux/os/subprocess.hpp"

namespace netobs::app::selftest {

/// A capture by programs that know nothing of this one: tcpdump writes it, tshark reads it.
class IndependentCapture {
 public:
  /// Returns once tcpdump listens. Errors: one of the two is not installed, or may not capture.
  [[nodiscard]] static Result<IndependentCapture> start(const os::NetworkNamespace& where,
                                                        const std::string& interface);
  /// Ends tcpdump. The time from request to reply in nanoseconds, by the probe's number, for
  /// numbers below `count`.
  [[nodiscard]] Result<std::map<std::uint64_t, std::int64_t>> finish(std::uint64_t count);

 private:
  IndependentCapture(std::unique_ptr<os::TemporaryFolder> folder, os::BackgroundProcess tcpdump)
      : folder_(std::move(folder)), tcpdump_(std::move(tcpdump)) {}
  std::unique_ptr<os::TemporaryFolder> folder_;
  os::BackgroundProcess tcpdump_;
};

}  // namespace netobs::app::selftest
