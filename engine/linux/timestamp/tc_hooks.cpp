#include "linux/timestamp/tc_hooks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "bpf/objects.hpp"
#include "linux/timestamp/tcx_link.hpp"

namespace netobs::linux_bpf {
namespace {

constexpr std::string_view needs = "CAP_BPF and CAP_NET_ADMIN";
constexpr std::uint8_t ethernet_header_bytes = 14;
constexpr std::array tc_points{Point::tc_egress, Point::tc_ingress};

Result<std::string> interface_name(int ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  if (::if_indextoname(static_cast<unsigned>(ifindex), name.data()) == nullptr) {
    return fail(
        bpf_error(fmt::format("attach tc to interface number {}", ifindex), errno, needs, ""));
  }
  return std::string(name.data());
}

/// Tunnels (tun, wireguard, ipip) hand over packets that begin with IP.
Result<std::uint8_t> link_header_bytes(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IF_NAMESIZE - 1);
  const os::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || ::ioctl(socket.get(), SIOCGIFHWADDR, &request) != 0) {
    return fail(bpf_error(fmt::format("read the link type of {}", name), errno, needs, ""));
  }
  const auto type = request.ifr_hwaddr.sa_family;
  const bool ethernet = type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK;
  return ethernet ? ethernet_header_bytes : std::uint8_t{0};
}

void refuse_each(PointSet points, const Error& error, Refusals& refused) {
  for (const auto point : tc_points) {
    if (points.has(point)) refused.emplace_back(point, error);
  }
}

}  // namespace

TcHooks TcHooks::start(const HookOptions& options, netobs_config config, SharedMaps maps,
                       Refusals& refused) {
  TcHooks hooks;
  const PointSet wanted = options.wanted & points_of(Layer::tc);
  if (options.interfaces.empty()) {
    refuse_each(wanted,
                {.what = "attach tc",
                 .cause = "No interface is known for this measurement.",
                 .remedy = "Name one with --interface.",
                 .exit = ExitCode::layer_missing},
                refused);
    return hooks;
  }
  // A filter that a killed process left may be there whichever way we attach now.
  if (auto netlink = TcNetlink::open()) {
    hooks.fallback_ = std::make_unique<Fallback>(Fallback{std::move(*netlink), std::nullopt});
    for (const int index : options.interfaces) {
      remove_stale_filters(hooks.fallback_->netlink, index);
    }
  }
  for (const int index : options.interfaces) {
    auto name = interface_name(index);
    const auto started = name ? hooks.start_on({index, *name}, options, config, maps, refused)
                              : Result<void>(fail(name.error()));
    if (!started) refuse_each(wanted, started.error(), refused);
  }
  return hooks;
}

Result<void> TcHooks::start_on(const Interface& interface, const HookOptions& options,
                               netobs_config config, SharedMaps maps, Refusals& refused) {
  NETOBS_TRY(header_bytes, link_header_bytes(interface.name));
  NETOBS_TRY(object, object_for(header_bytes, options.wanted, config, maps));
  bool attached_any = false;
  for (const auto point : tc_points) {
    if (!options.wanted.has(point)) continue;
    auto attached = attach(interface, object->program_fd(name(point)), info(point).direction,
                           options.features.tcx);
    if (attached) {
      enabled_.add(point);
      attached_any = true;
    } else {
      attached.error().what = fmt::format("attach {} on {}", name(point), interface.name);
      refused.emplace_back(point, attached.error());
    }
  }
  if (attached_any) interface_names_.push_back(interface.name);
  return {};
}

Result<const BpfObject*> TcHooks::object_for(std::uint8_t link_header_bytes, PointSet wanted,
                                             netobs_config config, SharedMaps maps) {
  const auto known =
      std::ranges::find(objects_, link_header_bytes, [](const auto& entry) { return entry.first; });
  if (known != objects_.end()) return &known->second;
  config.link_header_bytes = link_header_bytes;
  std::vector<std::string_view> programs;
  for (const auto point : tc_points) {
    if (wanted.has(point)) programs.push_back(name(point));
  }
  NETOBS_TRY(object, BpfObject::load(bpf::tc_object(), config, maps, programs, needs));
  objects_.emplace_back(link_header_bytes, std::move(object));
  return &objects_.back().second;
}

Result<void> TcHooks::attach(const Interface& interface, int program_fd, Direction direction,
                             bool tcx_wanted) {
  if (tcx_wanted) {
    auto link = attach_tcx(program_fd, interface.index, direction);
    if (link) {
      links_.push_back(std::move(*link));
      return {};
    }
    if (link.error().sys_errno != EINVAL) return fail(link.error());
  }
  return attach_filter(interface.index, program_fd, direction);
}

Result<void> TcHooks::attach_filter(int ifindex, int program_fd, Direction direction) {
  if (fallback_ == nullptr) {
    NETOBS_TRY(netlink, TcNetlink::open());
    fallback_ = std::make_unique<Fallback>(Fallback{std::move(netlink), std::nullopt});
  }
  if (!fallback_->slot) {
    NETOBS_TRY(slot, HandleSlot::take());
    fallback_->slot.emplace(std::move(slot));
  }
  auto known = std::ranges::find(filters_, ifindex, [](const auto& entry) { return entry.first; });
  if (known == filters_.end()) {
    NETOBS_TRY(made, ClsactFilters::make(fallback_->netlink, *fallback_->slot, ifindex));
    filters_.emplace_back(ifindex, std::move(made));
    known = std::prev(filters_.end());
  }
  return known->second.attach(program_fd, direction);
}

std::string TcHooks::description() const {
  if (interface_names_.empty()) return {};
  const std::string_view how = links_.empty()     ? "clsact filters"
                               : filters_.empty() ? "TCX links"
                                                  : "TCX links and clsact filters";
  return fmt::format("tc by {} on {}", how, fmt::join(interface_names_, ", "));
}

}  // namespace netobs::linux_bpf
