#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "linux/bpf/bpf_object.hpp"
#include "linux/timestamp/bpf_hooks.hpp"
#include "linux/timestamp/clsact.hpp"

namespace netobs::linux_bpf {

using Refusals = std::vector<std::pair<Point, Error>>;

/// The tc programs on their interfaces, by TCX links where the kernel has them. Detaches everything
/// when it goes.
class TcHooks {
 public:
  /// Attaches what it can; the rest goes to `refused`. The calling thread is in the interfaces'
  /// network namespace.
  [[nodiscard]] static TcHooks start(const HookOptions& options, netobs_config config,
                                     SharedMaps maps, Refusals& refused);

  [[nodiscard]] PointSet enabled() const { return enabled_; }
  /// "tc by TCX links on va0"; empty when nothing is attached.
  [[nodiscard]] std::string description() const;

 private:
  struct Interface {
    int index;
    std::string name;
  };
  /// What filters refer to; on the heap, so that it stays put when the hooks move.
  struct Fallback {
    TcNetlink netlink;
    std::optional<HandleSlot> slot;
  };

  [[nodiscard]] Result<void> start_on(const Interface& interface, const HookOptions& options,
                                      netobs_config config, SharedMaps maps, Refusals& refused);
  [[nodiscard]] Result<void> attach(const Interface& interface, int program_fd, Direction direction,
                                    bool tcx_wanted);
  [[nodiscard]] Result<void> attach_filter(int ifindex, int program_fd, Direction direction);
  [[nodiscard]] Result<const BpfObject*> object_for(std::uint8_t link_header_bytes, PointSet wanted,
                                                    netobs_config config, SharedMaps maps);

  PointSet enabled_;
  std::vector<std::string> interface_names_;
  std::vector<std::pair<std::uint8_t, BpfObject>> objects_;  ///< by bytes of link-layer header
  std::vector<os::Fd> links_;
  std::unique_ptr<Fallback> fallback_;
  std::vector<std::pair<int, ClsactFilters>> filters_;  ///< by interface; before fallback_ goes
};

}  // namespace netobs::linux_bpf
