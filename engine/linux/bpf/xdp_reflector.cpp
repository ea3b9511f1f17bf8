#include "linux/bpf/xdp_reflector.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <span>
#include <string_view>

#include "bpf/objects.hpp"
#include "linux/bpf/xdp_steering.hpp"
#include "linux/os/clock.hpp"

namespace netobs::linux_bpf {
namespace {

constexpr std::string_view needs = "CAP_BPF and CAP_NET_ADMIN";
constexpr std::array<std::string_view, 1> programs{"reflect"};

netobs_xdp_config config_of(const XdpReflectorOptions& options, netobs_clock clock) {
  constexpr std::uint64_t second_ns = 1'000'000'000;
  netobs_xdp_config config{};
  config.clock_identity = options.clock_identity;
  if (options.rate.packets_per_second != 0) {
    config.nanoseconds_per_packet =
        std::max<std::uint64_t>(1, second_ns / options.rate.packets_per_second);
    config.burst_nanoseconds =
        config.nanoseconds_per_packet * std::max(1U, options.rate.burst_packets);
  }
  config.local_port = options.local_port;
  config.vlan_id = options.vlan_id;
  std::ranges::copy(options.mac, config.mac);
  config.clock = static_cast<netobs_u8>(clock);
  config.has_allow_list = options.allow.empty() ? 0 : 1;
  config.answer_own_port = options.answer_own_port ? 1 : 0;
  return config;
}

Result<void> set_allowed(const BpfObject& object, const std::vector<Prefix>& allow) {
  const int map = object.map_fd("allowed");
  for (const auto& prefix : allow) {
    netobs_prefix key{};
    key.bits = prefix.length;
    std::memcpy(key.address, prefix.address.data(), sizeof key.address);
    constexpr netobs_u8 present = 1;
    const int status = bpf_map_update_elem(map, &key, &present, BPF_ANY);
    if (status != 0) {
      return fail(bpf_error("tell the XDP reflector whom to answer", -status, needs, ""));
    }
  }
  return {};
}

std::int64_t program_clock_ns(netobs_clock clock) {
  timespec now{};
  ::clock_gettime(clock == NETOBS_CLOCK_TAI ? CLOCK_TAI : CLOCK_MONOTONIC, &now);
  constexpr std::int64_t second_ns = 1'000'000'000;
  return now.tv_sec * second_ns + now.tv_nsec;
}

}  // namespace

Result<XdpReflector> XdpReflector::load(const XdpReflectorOptions& options) {
  auto clock = HookClock::make(options.tai_clock);
  const auto config = config_of(options, clock.kind());
  BpfLoad what;
  what.image = bpf::xdp_reflector_object();
  what.config = std::as_bytes(std::span(&config, 1));
  what.programs = programs;
  what.needs = needs;
  NETOBS_TRY(object, BpfObject::load(what));
  NETOBS_TRY_VOID(set_local_addresses(object, options.local_addresses));
  NETOBS_TRY_VOID(set_allowed(object, options.allow));
  XdpReflector reflector(std::move(object), std::move(clock), options.ifindex);
  NETOBS_TRY(settings, os::Mapping::shared(reflector.object_.map_fd("settings"), 0,
                                           static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), true,
                                           "the settings of the XDP reflector"));
  reflector.settings_ = std::move(settings);
  reflector.refresh({});  // a packet with no estimate at all would be refused as corrupt
  return reflector;
}

Result<void> XdpReflector::attach(XdpMode mode, bool force) {
  NETOBS_TRY(attachment, attach_xdp(program_fd(), ifindex_, mode, force));
  attachment_ = std::move(attachment);
  return {};
}

void XdpReflector::refresh(const wire::ErrorEstimate& estimate) {
  auto* settings = reinterpret_cast<netobs_xdp_settings*>(settings_.data());
  clock_.look_for_step();
  const auto raw_ns = program_clock_ns(clock_.kind());
  const auto offset_ns = static_cast<netobs_u64>(clock_.to_realtime(raw_ns) - raw_ns);
  __atomic_store_n(&settings->realtime_offset_ns, offset_ns, __ATOMIC_RELAXED);
  __atomic_store_n(&settings->error_estimate, estimate.encode(), __ATOMIC_RELAXED);
}

netobs_xdp_reflector_counters XdpReflector::counters() const {
  netobs_xdp_reflector_counters total{};
  const int processors = libbpf_num_possible_cpus();
  if (processors <= 0) return total;
  std::vector<netobs_xdp_reflector_counters> each(static_cast<std::size_t>(processors));
  const std::uint32_t only = 0;
  if (bpf_map_lookup_elem(object_.map_fd("reflector_counters"), &only, each.data()) != 0) {
    return total;
  }
  for (const auto& one : each) {
    total.received += one.received;
    total.answered += one.answered;
    total.too_short += one.too_short;
    total.too_long += one.too_long;
    total.own_port += one.own_port;
    total.bad_source += one.bad_source;
    total.not_allowed += one.not_allowed;
    total.rate_limited += one.rate_limited;
    total.bad_error_estimate += one.bad_error_estimate;
  }
  return total;
}

}  // namespace netobs::linux_bpf
