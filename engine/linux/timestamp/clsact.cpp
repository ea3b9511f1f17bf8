#include "linux/timestamp/clsact.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "linux/bpf/bpf_object.hpp"

namespace netobs::linux_bpf {
namespace {

// Handles: "no" in ASCII, whether we created the qdisc, the slot.
constexpr std::uint32_t mark = 0x6e6f0000;
constexpr std::uint32_t mark_mask = 0xffff0000;
constexpr std::uint32_t created_bit = 0x8000;
constexpr std::uint32_t slot_mask = 0x7fff;
constexpr std::uint16_t first_priority = 1;
constexpr std::string_view needs = "CAP_BPF and CAP_NET_ADMIN";
constexpr std::array both_directions{Direction::tx, Direction::rx};

bool is_ours(const TcFilter& filter) {
  return (filter.handle & mark_mask) == mark;
}
bool created_qdisc(const TcFilter& filter) {
  return (filter.handle & created_bit) != 0;
}

bool is_empty(const TcNetlink& netlink, int ifindex) {
  for (const auto direction : both_directions) {
    if (!netlink.filters(ifindex, direction).empty()) return false;
  }
  return true;
}

/// A qdisc that a living process of ours created is ours, too: the last one out removes it.
bool qdisc_is_of_our_kind(const TcNetlink& netlink, int ifindex) {
  for (const auto direction : both_directions) {
    for (const auto& filter : netlink.filters(ifindex, direction)) {
      if (is_ours(filter) && created_qdisc(filter)) return true;
    }
  }
  return false;
}

}  // namespace

Result<HandleSlot> HandleSlot::take(std::uint32_t number) {
  os::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto name = fmt::format("netobs-tc-{}", number);
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // leading zero: abstract
  const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), bytes) != 0) {
    return fail({.what = fmt::format("take filter slot {}", number),
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  }
  return HandleSlot(std::move(fd), number);
}

Result<HandleSlot> HandleSlot::take() {
  for (std::uint32_t number = 0; number < slots; ++number) {
    if (auto slot = take(number)) return slot;
  }
  return fail({.what = "take a filter slot",
               .sys_errno = EADDRINUSE,
               .cause = fmt::format("{} measurements run in this network namespace.", slots),
               .remedy = "Wait for one to end.",
               .exit = ExitCode::layer_missing});
}

void remove_stale_filters(const TcNetlink& netlink, int ifindex) {
  bool qdisc_left_over = false;
  for (const auto direction : both_directions) {
    for (const auto& filter : netlink.filters(ifindex, direction)) {
      if (!is_ours(filter)) continue;
      const auto unowned = HandleSlot::take(filter.handle & slot_mask);
      if (!unowned || netlink.remove_filter(ifindex, direction, filter) != 0) continue;
      qdisc_left_over = qdisc_left_over || created_qdisc(filter);
    }
  }
  if (qdisc_left_over && is_empty(netlink, ifindex)) {
    (void)netlink.remove_clsact(ifindex);  // fails only when the interface went meanwhile
  }
}

Result<ClsactFilters> ClsactFilters::make(const TcNetlink& netlink, const HandleSlot& slot,
                                          int ifindex) {
  const bool inherited = qdisc_is_of_our_kind(netlink, ifindex);
  const Errno status = netlink.add_clsact(ifindex);
  if (status != 0 && status != EEXIST) {
    return fail(bpf_error("add a clsact qdisc", status, needs,
                          "The kernel may lack sch_ingress (CONFIG_NET_SCH_INGRESS)."));
  }
  const bool created = status == 0 || inherited;
  return ClsactFilters(netlink, mark | (created ? created_bit : 0U) | slot.number(), ifindex);
}

Result<void> ClsactFilters::attach(int program_fd, Direction direction) {
  const TcFilter filter{
      .handle = handle_, .priority = first_priority, .protocol = htons(ETH_P_ALL)};
  const Errno status =
      netlink_->add_filter(ifindex_, direction, handle_, first_priority, program_fd);
  if (status != 0) {
    return fail(bpf_error("attach a clsact filter", status, needs,
                          "A filter of another kind may hold priority 1, or an ingress qdisc is "
                          "in clsact's place (see `tc filter show`)."));
  }
  attached_.push_back({direction, filter});
  return {};
}

ClsactFilters::~ClsactFilters() {
  // Nothing to tell and nobody to tell it to: what fails here is gone with its interface.
  for (const auto& entry : attached_) {
    (void)netlink_->remove_filter(ifindex_, entry.direction, entry.filter);
  }
  if ((handle_ & created_bit) != 0 && is_empty(*netlink_, ifindex_)) {
    (void)netlink_->remove_clsact(ifindex_);
  }
}

}  // namespace netobs::linux_bpf
