#pragma once

#include <string>
#include <string_view>

#include "core/base/endpoint.hpp"
#include "linux/os/netns.hpp"

namespace netobs::lab {

/// Two hosts on one machine: two unnamed namespaces joined by a veth pair, with addresses of the
/// benchmarking range (RFC 2544, 198.18.0.0/15) and of fd00::/8. Gone with its last holder.
class VethLab {
 public:
  /// Needs CAP_SYS_ADMIN and CAP_NET_ADMIN, and iproute2's `ip` on PATH.
  [[nodiscard]] static Result<VethLab> create();

  [[nodiscard]] const os::NetworkNamespace& sender_side() const { return sender_; }
  [[nodiscard]] const os::NetworkNamespace& reflector_side() const { return reflector_; }
  [[nodiscard]] static Endpoint reflector_v4(std::uint16_t port) {
    return Endpoint::v4({198, 18, 0, 2}, port);
  }
  static constexpr const char* sender_interface = "va0";
  static constexpr const char* reflector_interface = "vb0";

 private:
  VethLab(os::NetworkNamespace sender, os::NetworkNamespace reflector)
      : sender_(std::move(sender)), reflector_(std::move(reflector)) {}
  os::NetworkNamespace sender_;
  os::NetworkNamespace reflector_;
};

/// The lab's addresses for one of its hosts: 198.18.0.NUMBER/30 and fd00:6e6f::NUMBER/64; brings
/// the interface and loopback up.
[[nodiscard]] Result<void> give_addresses(const os::NetworkNamespace& host,
                                          std::string_view interface, unsigned number);

}  // namespace netobs::lab
