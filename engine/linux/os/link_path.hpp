#pragma once
// How a packet leaves this host, as the kernel itself would send it: for a sender that builds its
// own frames.

#include <chrono>
#include <cstdint>
#include <string>

#include "core/base/endpoint.hpp"
#include "core/base/mac_address.hpp"
#include "core/base/result.hpp"
#include "core/base/time.hpp"
#include "linux/os/fd.hpp"
#include "linux/os/link_device.hpp"

namespace netobs::os {

struct LinkPathQuery {
  Endpoint remote;
  Endpoint source;                           ///< all zero = the route decides
  int interface = 0;                         ///< index; 0 = by route
  Duration limit = std::chrono::seconds(2);  ///< for the neighbour to answer
};

struct LinkPath {
  LinkDevice device;
  MacAddress next_hop_mac{};
  Endpoint source;              ///< to send from, port 0
  std::uint32_t mtu_bytes = 0;  ///< of the device or the route, whichever is smaller
};

/// Looks the route up, then the neighbour. One that is not resolved is asked for by the kernel's
/// own ARP or neighbour discovery, which needs CAP_NET_ADMIN; no datagram is sent. Errors: no route
/// (ENETUNREACH), nobody answers (EHOSTUNREACH), no such interface, no Ethernet.
[[nodiscard]] Result<LinkPath> find_link_path(Netlink& netlink, const LinkPathQuery& query);
[[nodiscard]] Result<LinkPath> find_link_path(const LinkPathQuery& query);

/// Tells whether routes, neighbours, addresses or links have changed since the last look. The
/// kernel also tells when it confirms a neighbour, so a change may be none.
class LinkWatch {
 public:
  [[nodiscard]] static Result<LinkWatch> open();
  /// Never blocks; reads a bounded number of messages.
  [[nodiscard]] bool changed();

 private:
  explicit LinkWatch(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace netobs::os
