#pragma once
// Timestamps by BPF: tc, a socket filter and tracepoints, from one ring buffer.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/base/result.hpp"
#include "core/session/hook_source.hpp"

namespace netobs {

/// The points that start_hooks() knows; others in HookOptions::wanted are not its business.
inline constexpr PointSet bpf_points =
    points_of(Layer::tc) | points_of(Layer::socket) | points_of(Layer::trace);

/// What the kernel may be asked for. Switched off, it is as if the kernel lacked it.
struct HookFeatures {
  bool tcx = true;        ///< TCX links (Linux 6.6); else a clsact qdisc and filters
  bool tai_clock = true;  ///< bpf_ktime_get_tai_ns (Linux 6.1); else CLOCK_MONOTONIC, converted
  bool btf = true;        ///< the kernel's own type information: without it, no tracepoints
};

struct HookOptions {
  PointSet wanted;
  std::vector<int> interfaces;         ///< indexes in the calling thread's namespace; for tc
  std::uint16_t local_port = 0;        ///< our UDP port, host byte order
  std::optional<Endpoint> remote;      ///< given: we send requests to it alone; else: we reflect
  bool authenticated = false;          ///< the authenticated packet layout (RFC 8762)
  std::vector<int> socket_fds;         ///< UDP sockets of ours; for socket_delivery
  std::size_t ring_bytes = 4U << 20U;  ///< rounded up to a power of two, at most 64 MiB
  HookFeatures features;
};

/// The source that start_hooks() makes. poll() converts at most 256 events per call and, on an
/// empty ring, is one load from memory. poll(): one thread; the counters: any thread, without a
/// system call.
class BpfHookSource : public HookSource {
 public:
  /// Probes seen inside a merged packet (GSO, GRO), whose numbers are not all to be had.
  [[nodiscard]] virtual std::uint64_t merged(Point point) const = 0;
  /// Probes whose payload lay in page fragments that a tracepoint program cannot read.
  [[nodiscard]] virtual std::uint64_t unreadable(Point point) const = 0;
};

struct HookStart {
  std::unique_ptr<BpfHookSource> source;  ///< null when no point could be started
  /// Why a point, or one interface or socket of it, could not be started. A point is enabled when
  /// it has started on at least one interface or socket.
  std::vector<std::pair<Point, Error>> refused;
};

/// Loads and attaches. The calling thread must be in the network namespace of the interfaces; for
/// skb_copy_datagram_iovec, the thread that receives must be in it too. The source may be destroyed
/// in any thread and namespace: it detaches everything it attached. It holds a duplicate of each
/// socket descriptor until then.
///
/// Needs CAP_BPF; for tc CAP_NET_ADMIN too, for tracepoints CAP_PERFMON too.
[[nodiscard]] HookStart start_hooks(const HookOptions& options);

}  // namespace netobs
