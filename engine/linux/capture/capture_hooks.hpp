#pragma once
// The layer pcap: captures on our own interfaces as a source of timestamps beside the BPF hooks.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.hpp"
#include "core/capture/probe_event.hpp"
#include "core/session/hook_source.hpp"
#include "linux/capture/live_tap.hpp"

namespace netobs {

struct CaptureHookOptions {
  std::vector<std::string> interfaces;
  std::uint16_t local_port = 0;
  std::optional<Endpoint> remote{};  ///< given: we send requests to it alone; else: we reflect
  bool authenticated = false;
  /// Sees each of our packets as it is captured, before its event is handed out. Called by poll();
  /// must not block.
  std::function<void(const CapturedPacket&, const HookEvent&)> sink{};
  std::uint32_t snap_bytes = 128;  ///< headers and numbers; more for a sink that wants packets
};

struct CaptureHookStart {
  std::unique_ptr<HookSource> source;  ///< null when no interface can be captured on
  std::vector<std::pair<Point, Error>> refused;
};

/// Opens a tap on each interface, of the calling thread's network namespace. poll() is one thread's
/// and looks at the taps a few thousand times a second at most: a look is a system call, and what
/// waits there has its time already. The times are CLOCK_REALTIME. Needs CAP_NET_RAW.
[[nodiscard]] CaptureHookStart start_capture_hooks(const CaptureHookOptions& options);

}  // namespace netobs
