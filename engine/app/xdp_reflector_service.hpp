#pragma once

#include <memory>

#include "app/reflector_service.hpp"
#include "core/base/result.hpp"
#include "core/session/reflector.hpp"

namespace netobs::app {

/// `netobs reflect --mode xdp`: the kernel answers, this only attaches, tells the program how the
/// clocks stand, reads counters and detaches. Of ReflectorOptions it takes listen, interface,
/// allow, rate, answer_own_port, af_xdp and disabled; authenticated mode is refused.
class XdpReflectorService {
 public:
  /// Answers when it returns. Errors: those of the port, no XDP, another program on the interface.
  [[nodiscard]] static Result<XdpReflectorService> start(const ReflectorOptions& options);
  ~XdpReflectorService();
  XdpReflectorService(XdpReflectorService&&) noexcept;
  XdpReflectorService& operator=(XdpReflectorService&&) = delete;
  XdpReflectorService(const XdpReflectorService&) = delete;
  XdpReflectorService& operator=(const XdpReflectorService&) = delete;

  [[nodiscard]] const ReflectorState& state() const { return state_; }
  /// Once a second or so.
  void refresh();
  /// Stops answering and returns what was counted.
  [[nodiscard]] ReflectorCounters stop();

 private:
  struct Parts;
  explicit XdpReflectorService(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
  ReflectorState state_;
};

}  // namespace netobs::app
