#include "linux/bpf/xdp_steering.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "bpf/objects.hpp"
#include "linux/bpf/hook_clock.hpp"

namespace netobs::linux_bpf {
namespace {

constexpr std::string_view needs = "CAP_BPF and CAP_NET_ADMIN";
constexpr std::array<std::string_view, 1> programs{"steer"};

netobs_xdp_config config_of(const SteeringOptions& options, netobs_clock clock) {
  netobs_xdp_config config{};
  config.local_port = options.local_port;
  config.vlan_id = options.vlan_id;
  config.clock = static_cast<netobs_u8>(clock);
  std::ranges::copy(options.mac, config.mac);
  if (options.remote) {
    config.has_remote = 1;
    config.remote_port = options.remote->port;
    std::memcpy(config.remote_address, options.remote->address.data(),
                sizeof config.remote_address);
  }
  return config;
}

}  // namespace

Result<void> set_local_addresses(const BpfObject& object, const std::vector<Endpoint>& addresses) {
  const int map = object.map_fd("local_addresses");
  for (const auto& endpoint : addresses) {
    constexpr netobs_u8 present = 1;
    const int status = bpf_map_update_elem(map, endpoint.address.data(), &present, BPF_ANY);
    if (status == 0) continue;
    return fail(bpf_error("tell the XDP program the address " + endpoint.address_text(), -status,
                          needs, ""));
  }
  return {};
}

Result<Steering> Steering::load(const SteeringOptions& options) {
  const auto clock = HookClock::make(options.tai_clock).kind();
  const auto config = config_of(options, clock);
  BpfLoad what;
  what.config = std::as_bytes(std::span(&config, 1));
  what.programs = programs;
  what.needs = needs;
  bool hardware = false;
  std::string refusal;
  if (options.rx_hardware) {
    what.image = bpf::xdp_hardware_object();
    what.device_ifindex = options.ifindex;
    auto loaded = BpfObject::load(what);
    hardware = loaded.has_value();
    if (!hardware) refusal = loaded.error().brief();
  }
  if (!hardware) {
    what.image = bpf::xdp_object();
    what.device_ifindex = 0;
  }
  NETOBS_TRY(object, BpfObject::load(what));
  NETOBS_TRY_VOID(set_local_addresses(object, options.local_addresses));
  return Steering(std::move(object), clock, hardware, std::move(refusal));
}

Result<void> Steering::add_socket(std::uint32_t queue, int socket_fd) const {
  const int status = bpf_map_update_elem(object_.map_fd("sockets"), &queue, &socket_fd, BPF_ANY);
  if (status == 0) return {};
  return fail(bpf_error("give the XDP program its socket", -status, needs, ""));
}

netobs_xdp_counters Steering::counters() const {
  const std::uint32_t only = 0;
  netobs_xdp_counters values{};
  (void)bpf_map_lookup_elem(object_.map_fd("xdp_counters"), &only, &values);
  return values;
}

}  // namespace netobs::linux_bpf
