#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/session/hook_set.hpp"
#include "linux/capture/capture_hooks.hpp"
#include "linux/timestamp/bpf_hooks.hpp"

namespace netobs::app {

/// What one end wants of timestamps that are not the transport's.
struct HookWish {
  PointSet wanted;
  std::vector<std::string> interfaces;
  std::uint16_t local_port = 0;
  std::optional<Endpoint> remote{};  ///< given: we send requests to it alone; else: we reflect
  bool authenticated = false;
  int socket_fd = -1;
  HookFeatures features{};
  std::function<void(const CapturedPacket&, const HookEvent&)> sink{};
  std::uint32_t snap_bytes = CaptureHookOptions{}.snap_bytes;
};

struct HookSetup {
  std::unique_ptr<HookSet> hooks;  ///< null when nothing could be started
  std::vector<std::pair<Point, Error>> refused;
};

/// Starts what can be started of it, BPF programs and captures. The calling thread must be in the
/// network namespace of the interfaces, and receive there. Errors: no such interface.
[[nodiscard]] Result<HookSetup> open_hooks(const HookWish& wish);

/// The captures alone: for who wants them later than the rest.
[[nodiscard]] CaptureHookStart open_captures(const HookWish& wish);

}  // namespace netobs::app
