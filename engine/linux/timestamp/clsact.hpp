#pragma once
// The fallback for kernels without TCX: BPF filters under a clsact qdisc. They outlive a killed
// process, so each is marked with its owner's slot, and a slot lives exactly as long as its
// process.

#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "linux/os/fd.hpp"
#include "linux/timestamp/tc_netlink.hpp"

namespace netobs::linux_bpf {

/// Ownership of a filter handle in one network namespace: an abstract unix socket, which the kernel
/// scopes to the namespace and releases with the process.
class HandleSlot {
 public:
  static constexpr std::uint32_t slots = 64;
  /// The lowest free slot.
  [[nodiscard]] static Result<HandleSlot> take();
  /// This one, or an error with EADDRINUSE when a living process has it.
  [[nodiscard]] static Result<HandleSlot> take(std::uint32_t number);
  [[nodiscard]] std::uint32_t number() const { return number_; }

 private:
  HandleSlot(os::Fd fd, std::uint32_t number) : fd_(std::move(fd)), number_(number) {}
  os::Fd fd_;
  std::uint32_t number_;
};

/// Removes filters of processes that are gone, and the clsact qdisc if one of them had created it
/// and nothing is left under it.
void remove_stale_filters(const TcNetlink& netlink, int ifindex);

/// Our filters on one interface. The destructor removes them, and the qdisc when a process of ours
/// created it and it is empty.
class ClsactFilters {
 public:
  /// Makes sure there is a clsact qdisc. `slot` must outlive the filters, as `netlink` must.
  [[nodiscard]] static Result<ClsactFilters> make(const TcNetlink& netlink, const HandleSlot& slot,
                                                  int ifindex);
  ClsactFilters(ClsactFilters&& other) noexcept
      : netlink_(other.netlink_),
        handle_(std::exchange(other.handle_, 0)),
        ifindex_(other.ifindex_),
        attached_(std::move(other.attached_)) {}
  ClsactFilters& operator=(ClsactFilters&&) = delete;
  ClsactFilters(const ClsactFilters&) = delete;
  ClsactFilters& operator=(const ClsactFilters&) = delete;
  ~ClsactFilters();

  [[nodiscard]] Result<void> attach(int program_fd, Direction direction);

 private:
  struct Attached {
    Direction direction;
    TcFilter filter;
  };
  ClsactFilters(const TcNetlink& netlink, std::uint32_t handle, int ifindex)
      : netlink_(&netlink), handle_(handle), ifindex_(ifindex) {}

  const TcNetlink* netlink_;
  std::uint32_t handle_;  ///< says, too, whether the qdisc is ours to remove; 0 = moved from
  int ifindex_;
  std::vector<Attached> attached_;
};

}  // namespace netobs::linux_bpf
