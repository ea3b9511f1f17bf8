#pragma once

#include <bpf/libbpf.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "bpf/abi.h"
#include "core/base/result.hpp"

namespace netobs::linux_bpf {

/// Descriptors of the two maps that every object writes to.
struct SharedMaps {
  int events = -1;
  int counters = -1;
};

struct DestroyLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
/// Detaches when it goes.
using Link = std::unique_ptr<bpf_link, DestroyLink>;

/// What to load, and how. Everything is borrowed for the call.
struct BpfLoad {
  std::span<const std::byte> image;
  std::span<const std::byte> config;                            ///< the one struct of constants
  std::vector<std::pair<std::string_view, int>> shared_maps{};  ///< name, descriptor to use for it
  std::span<const std::string_view> programs;                   ///< these, and no others
  std::string_view needs;  ///< the capabilities, for the remedy
  int device_ifindex = 0;  ///< XDP metadata of this device (Linux 6.3); 0 = of none
};

/// A loaded object file. Its programs stay loaded while it exists, or while they are attached.
class BpfObject {
 public:
  [[nodiscard]] static Result<BpfObject> load(const BpfLoad& load);
  /// The same for the programs that write to the shared ring and counters.
  [[nodiscard]] static Result<BpfObject> load(std::span<const std::byte> image,
                                              const netobs_config& config, SharedMaps maps,
                                              std::span<const std::string_view> programs,
                                              std::string_view needs);

  [[nodiscard]] int program_fd(std::string_view name) const;
  /// -1: the object has no such map.
  [[nodiscard]] int map_fd(std::string_view name) const;
  /// Attaches a program whose section says where (a tracepoint).
  [[nodiscard]] Result<Link> attach(std::string_view name) const;

 private:
  struct Close {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
  };
  explicit BpfObject(bpf_object* object) : object_(object) {}
  std::unique_ptr<bpf_object, Close> object_;
};

/// An error of a BPF call with its likely cause and remedy. `error`: errno, positive.
[[nodiscard]] Error bpf_error(std::string what, int error, std::string_view needs,
                              std::string detail);

}  // namespace netobs::linux_bpf
