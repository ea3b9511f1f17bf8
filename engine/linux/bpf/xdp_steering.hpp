#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bpf/abi.h"
#include "core/base/endpoint.hpp"
#include "core/base/mac_address.hpp"
#include "core/base/result.hpp"
#include "linux/bpf/bpf_object.hpp"

namespace netobs::linux_bpf {

struct SteeringOptions {
  int ifindex = 0;                        ///< that carries the frames
  std::vector<Endpoint> local_addresses;  ///< datagrams to these, at most 1024
  std::uint16_t local_port = 0;           ///< and to this port, host byte order
  std::optional<Endpoint> remote;         ///< given: from this peer only
  std::uint16_t vlan_id = 0;              ///< 0 = untagged
  MacAddress mac{};                       ///< frames to this address
  bool rx_hardware = false;  ///< with the NIC's receive times, where kernel and driver have them
  bool tai_clock = true;     ///< bpf_ktime_get_tai_ns where the kernel has it
};

/// The program that hands a session's datagrams to AF_XDP sockets (bpf/xdp_steer.h), loaded.
class Steering {
 public:
  [[nodiscard]] static Result<Steering> load(const SteeringOptions& options);

  [[nodiscard]] int program_fd() const { return object_.program_fd("steer"); }
  /// Datagrams that arrive on `queue` go to that socket from now on.
  [[nodiscard]] Result<void> add_socket(std::uint32_t queue, int socket_fd) const;
  [[nodiscard]] netobs_xdp_counters counters() const;
  [[nodiscard]] netobs_clock clock() const { return clock_; }
  [[nodiscard]] bool takes_hardware_times() const { return hardware_; }
  /// Why not, although they were asked for; else empty.
  [[nodiscard]] const std::string& hardware_refusal() const { return hardware_refusal_; }

 private:
  Steering(BpfObject object, netobs_clock clock, bool hardware, std::string hardware_refusal)
      : object_(std::move(object)),
        clock_(clock),
        hardware_(hardware),
        hardware_refusal_(std::move(hardware_refusal)) {}
  BpfObject object_;
  netobs_clock clock_;
  bool hardware_;
  std::string hardware_refusal_;
};

/// Fills a map of addresses that a program looks its packets' destinations up in.
[[nodiscard]] Result<void> set_local_addresses(const BpfObject& object,
                                               const std::vector<Endpoint>& addresses);

}  // namespace netobs::linux_bpf
