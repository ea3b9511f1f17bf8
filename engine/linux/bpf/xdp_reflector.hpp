#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "core/base/endpoint.hpp"
#include "core/base/mac_address.hpp"
#include "core/base/result.hpp"
#include "core/session/admission.hpp"
#include "core/session/rate_limit.hpp"
#include "core/wire/error_estimate.hpp"
#include "linux/bpf/bpf_object.hpp"
#include "linux/bpf/hook_clock.hpp"
#include "linux/bpf/xdp_link.hpp"
#include "linux/os/mapping.hpp"

namespace netobs::linux_bpf {

struct XdpReflectorOptions {
  int ifindex = 0;                        ///< that carries the frames
  std::vector<Endpoint> local_addresses;  ///< answers datagrams to these, at most 1024
  std::uint16_t local_port = 0;           ///< and to this port, host byte order
  std::uint16_t vlan_id = 0;              ///< 0 = untagged
  MacAddress mac{};
  std::vector<Prefix> allow;  ///< empty = everyone; at most 1024
  RateLimit rate;             ///< of one source
  bool answer_own_port = false;
  std::uint64_t clock_identity = 0;
  bool tai_clock = true;  ///< bpf_ktime_get_tai_ns where the kernel has it
};

/// The session-reflector as an XDP program (bpf/xdp_reflector.bpf.c). It answers by itself from
/// attach() on, for as long as this lives; from time to time it wants refresh(). One thread.
class XdpReflector {
 public:
  [[nodiscard]] static Result<XdpReflector> load(const XdpReflectorOptions& options);

  [[nodiscard]] int program_fd() const { return object_.program_fd("reflect"); }
  /// In the network namespace of the interface.
  [[nodiscard]] Result<void> attach(XdpMode mode, bool force);
  /// Tells the program how its clock stands to CLOCK_REALTIME and what the clock is worth. Once a
  /// second follows every clock; with the TAI clock a step is followed by itself.
  void refresh(const wire::ErrorEstimate& estimate);
  [[nodiscard]] netobs_xdp_reflector_counters counters() const;

 private:
  XdpReflector(BpfObject object, HookClock clock, int ifindex)
      : object_(std::move(object)), clock_(std::move(clock)), ifindex_(ifindex) {}
  BpfObject object_;
  HookClock clock_;
  int ifindex_;
  os::Mapping settings_;
  XdpAttachment attachment_;
};

}  // namespace netobs::linux_bpf
