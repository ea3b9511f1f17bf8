#pragma once
// Questions to the kernel over netlink(7): its routing, link and neighbour tables (rtnetlink(7))
// and the families of generic netlink. On top of libmnl.

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"

namespace netobs::os {

/// One request message under construction: a fixed header of the given type, then attributes.
class NetlinkRequest {
 public:
  NetlinkRequest(std::uint16_t type, int flags);

  template <class Header>
  [[nodiscard]] Header& add_header() {
    return *static_cast<Header*>(mnl_nlmsg_put_extra_header(header_, sizeof(Header)));
  }
  void add(std::uint16_t type, std::span<const std::uint8_t> bytes) {
    mnl_attr_put(header_, type, bytes.size(), bytes.data());
  }
  void add(std::uint16_t type, std::uint32_t value) { mnl_attr_put_u32(header_, type, value); }
  [[nodiscard]] nlmsghdr& header() { return *header_; }

 private:
  static constexpr std::size_t room_bytes = 512;
  alignas(nlmsghdr) std::array<std::byte, room_bytes> bytes_{};
  nlmsghdr* header_;
};

/// A socket to the kernel, for the network namespace that it was opened in.
class Netlink {
 public:
  using Visitor = std::function<void(const nlmsghdr&)>;

  /// protocol: NETLINK_ROUTE or NETLINK_GENERIC.
  [[nodiscard]] static Result<Netlink> open(int protocol = NETLINK_ROUTE);
  /// Sends the request and calls `visit` for each message of the answer. Returns errno of the
  /// kernel's answer, 0 = done; ETIME when there is none within two seconds.
  [[nodiscard]] int ask(NetlinkRequest& request, const Visitor& visit);

 private:
  explicit Netlink(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  std::uint32_t sequence_ = 0;
};

/// The number that messages to a family of generic netlink go by; 0: the kernel has no such family.
[[nodiscard]] std::uint16_t generic_family(Netlink& netlink, std::string_view name);

/// Calls visit(attribute) for each attribute in `bytes`; ends at the first that is cut off.
template <class Visitor>
void for_each_attribute_in(std::span<const std::uint8_t> bytes, const Visitor& visit) {
  while (bytes.size() >= sizeof(nlattr)) {
    const auto* attribute = reinterpret_cast<const nlattr*>(bytes.data());
    if (mnl_attr_ok(attribute, static_cast<int>(bytes.size())) == 0) return;
    visit(*attribute);
    bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), NLA_ALIGN(attribute->nla_len)));
  }
}

/// The attribute's bytes.
[[nodiscard]] inline std::span<const std::uint8_t> bytes_of(const nlattr& attribute) {
  return {static_cast<const std::uint8_t*>(mnl_attr_get_payload(&attribute)),
          mnl_attr_get_payload_len(&attribute)};
}

/// The attributes after a message's fixed header of `Header`.
template <class Header, class Visitor>
void for_each_attribute(const nlmsghdr& message, const Visitor& visit) {
  constexpr std::size_t fixed = sizeof(Header);
  static_assert(fixed % MNL_ALIGNTO == 0);
  const std::size_t size = mnl_nlmsg_get_payload_len(&message);
  if (size < fixed) return;
  const auto* payload = static_cast<const std::uint8_t*>(mnl_nlmsg_get_payload(&message));
  for_each_attribute_in(std::span(payload, size).subspan(fixed), visit);
}
template <class Visitor>
void for_each_nested(const nlattr& outer, const Visitor& visit) {
  for_each_attribute_in(bytes_of(outer), visit);
}

/// The first four bytes in host order; 0 when it is shorter.
[[nodiscard]] inline std::uint32_t number_of(const nlattr& attribute) {
  return mnl_attr_get_payload_len(&attribute) >= 4 ? mnl_attr_get_u32(&attribute) : 0;
}

}  // namespace netobs::os
