#pragma once

#include "core/base/result.hpp"
#include "linux/os/netns.hpp"

namespace netobs::lab {

/// The two hosts of VethLab, with the same names and addresses, but with a third namespace between
/// them: what goes from one to the other has to be carried by a Relay. Gone with its last holder.
class RelayLab {
 public:
  /// Needs CAP_SYS_ADMIN and CAP_NET_ADMIN, and iproute2's `ip` on PATH.
  [[nodiscard]] static Result<RelayLab> create();

  [[nodiscard]] const os::NetworkNamespace& sender_side() const { return sender_; }
  [[nodiscard]] const os::NetworkNamespace& reflector_side() const { return reflector_; }
  [[nodiscard]] const os::NetworkNamespace& middle() const { return middle_; }
  /// The middle's interfaces, towards the sender and towards the reflector.
  static constexpr const char* towards_sender = "ra0";
  static constexpr const char* towards_reflector = "rb0";

 private:
  RelayLab(os::NetworkNamespace sender, os::NetworkNamespace middle, os::NetworkNamespace reflector)
      : sender_(std::move(sender)), middle_(std::move(middle)), reflector_(std::move(reflector)) {}
  os::NetworkNamespace sender_;
  os::NetworkNamespace middle_;
  os::NetworkNamespace reflector_;
};

}  // namespace netobs::lab
