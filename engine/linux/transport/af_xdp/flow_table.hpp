#pragma once
// Which header goes in front of a datagram to whom: what the kernel's routing and neighbour tables
// say, remembered per peer.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/endpoint.hpp"
#include "core/base/mac_address.hpp"
#include "core/base/time.hpp"
#include "core/wire/udp_frame.hpp"
#include "linux/os/link_path.hpp"

namespace netobs {

/// The interface that the frames of all flows leave through.
struct FlowLink {
  int interface = 0;  ///< index, as routes name it: of the VLAN device, where there is one
  std::optional<VlanTag> vlan;
  MacAddress mac{};
  std::uint32_t mtu_bytes = 0;
  std::uint16_t port = 0;  ///< ours, host byte order
  std::uint8_t dscp = 0;
};

/// The frames of one flow.
struct Flow {
  wire::FrameHeader header;
  std::size_t longest_payload_bytes = 0;
};

/// Bounded: a newcomer may push another peer out, which is then resolved again. One thread.
class FlowTable {
 public:
  FlowTable(FlowLink link, os::Netlink netlink)
      : link_(link), netlink_(std::move(netlink)), entries_(capacity) {}

  /// From `local` (all zero = the route decides) to `peer`. Asks the kernel when it is not known,
  /// and waits up to `limit` for the neighbour. nullptr: `error()` says why.
  [[nodiscard]] const Flow* find(const Endpoint& peer, const Endpoint& local,
                                 Duration limit = Duration::zero());
  /// A frame came from that peer: its answer may leave at once, so the way there is looked up now.
  /// Where the neighbour is not resolved, the address that the frame came from serves.
  void hear(const Endpoint& peer, const Endpoint& local, const MacAddress& source_mac,
            MonotonicTime now);
  /// Routes or neighbours have changed: looks up again a bounded number of flows per call, and goes
  /// on with what is known where that fails. True while some are left.
  bool refresh();
  void changed() { ++generation_; }
  /// errno of the last find() that gave nothing.
  [[nodiscard]] int error() const { return error_; }

 private:
  static constexpr std::size_t capacity = 1024;
  static constexpr unsigned lookups_per_interval = 100;
  static constexpr Duration interval = std::chrono::milliseconds(100);

  struct Entry {
    Endpoint peer;
    Endpoint local;
    std::uint64_t generation = 0;
    std::optional<Flow> flow;
  };

  [[nodiscard]] Entry& place(const Endpoint& peer, const Endpoint& local);
  [[nodiscard]] bool resolve(Entry& entry, Duration limit);
  [[nodiscard]] Flow make_flow(const Endpoint& source, const Endpoint& peer,
                               const MacAddress& next_hop, std::uint32_t mtu_bytes) const;

  FlowLink link_;
  os::Netlink netlink_;  // of the network namespace of the interface
  std::vector<Entry> entries_;
  std::uint64_t generation_ = 1;
  std::size_t refreshed_ = 0;  // entries before it are of this generation
  std::uint64_t refreshing_ = 1;
  unsigned lookups_left_ = lookups_per_interval;
  MonotonicTime lookups_renewed_;
  int error_ = 0;
};

}  // namespace netobs
