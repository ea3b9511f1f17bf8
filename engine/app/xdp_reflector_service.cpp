#include "app/xdp_reflector_service.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "app/features.hpp"
#include "app/reflector_loop.hpp"
#include "app/session_setup.hpp"
#include "linux/bpf/xdp_reflector.hpp"
#include "linux/os/interface.hpp"
#include "linux/os/link_device.hpp"
#include "linux/transport/af_xdp/listening_link.hpp"
#include "linux/transport/udp_socket.hpp"

namespace netobs::app {

struct XdpReflectorService::Parts {
  UdpSocket port;  // keeps other programs, and ICMP errors, away from it
  std::optional<linux_bpf::XdpReflector> reflector;
};

namespace {

using linux_bpf::XdpMode;

Result<UdpSocket> hold_port(const ReflectorOptions& options) {
  TransportOptions transport;
  transport.local = options.listen;
  transport.interface = options.interface;
  constexpr std::uint32_t least_buffer_bytes = 4096;  // nothing is read from it
  transport.receive_buffer_bytes = least_buffer_bytes;
  return open_udp_socket(transport);
}

Result<void> check_possible(const ReflectorOptions& options) {
  if (!options.auth_key.empty()) {
    return fail({.what = "answer authenticated probes in XDP",
                 .cause = "The kernel's programs cannot compute an HMAC.",
                 .remedy = "Leave --mode xdp or --auth-key-file out.",
                 .exit = ExitCode::usage});
  }
  if (options.layers.requires_layer(Layer::nic)) {
    return fail({.what = "record the layer nic in XDP",
                 .cause = "The program in the driver has no NIC's times to report.",
                 .remedy = "Use --mode stack, or leave nic out of --layers.",
                 .exit = ExitCode::layer_missing});
  }
  const auto mode = options.af_xdp.mode;
  if (mode == AfXdpMode::zero_copy) {
    return fail({.what = "reflect in zero-copy mode",
                 .cause = "The XDP reflector hands no frames to user space: nothing is copied.",
                 .remedy = "Use --xdp-mode auto, copy (in the driver) or skb.",
                 .exit = ExitCode::usage});
  }
  return {};
}

/// Which hook, and why not the driver's where that was not even tried.
struct Choice {
  XdpMode mode = XdpMode::native;
  std::string reason;
};

Choice choose_mode(const ReflectorOptions& options, const os::LinkDevice& device) {
  if (options.af_xdp.mode == AfXdpMode::skb) return {XdpMode::skb, ""};
  if (options.af_xdp.mode == AfXdpMode::copy) return {XdpMode::native, ""};
  const auto facts = os::interface_facts(device.carrier);
  if (facts && facts->driver == "veth") {
    return {XdpMode::skb,
            "veth hands a frame of its driver's hook over only where the other end has NAPI: an "
            "XDP program, or GRO"};
  }
  return {XdpMode::native, ""};
}

Result<std::string> attach(linux_bpf::XdpReflector& reflector, const ReflectorOptions& options,
                           const os::LinkDevice& device) {
  auto choice = choose_mode(options, device);
  const bool force = options.af_xdp.replace_program;
  auto attached = reflector.attach(choice.mode, force);
  const bool automatic = options.af_xdp.mode == AfXdpMode::automatic;
  if (!attached && automatic && choice.mode == XdpMode::native &&
      attached.error().sys_errno != EBUSY && attached.error().sys_errno != EPERM) {
    choice = {XdpMode::skb, "no native XDP: " + attached.error().brief()};
    attached = reflector.attach(choice.mode, force);
  }
  if (!attached) return std::unexpected(std::move(attached).error());
  auto text = fmt::format("XDP program on {} ({} mode", device.carrier,
                          choice.mode == XdpMode::native ? "native" : "SKB");
  return text + (choice.reason.empty() ? ")" : "; " + choice.reason + ")");
}

linux_bpf::XdpReflectorOptions program_options(const ReflectorOptions& options,
                                               const UdpSocket& port, const os::LinkDevice& device,
                                               bool tai_clock) {
  linux_bpf::XdpReflectorOptions program;
  program.ifindex = device.carrier_index;
  program.local_addresses = receiving_addresses(options.listen);
  program.local_port = port.local.port;
  program.vlan_id = device.vlan ? device.vlan->id : std::uint16_t{0};
  program.mac = device.mac;
  program.allow = options.allow;
  program.rate = options.rate;
  program.answer_own_port = options.answer_own_port;
  program.clock_identity = own_clock_identity();
  program.tai_clock = tai_clock;
  return program;
}

}  // namespace

XdpReflectorService::XdpReflectorService(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
XdpReflectorService::XdpReflectorService(XdpReflectorService&&) noexcept = default;
XdpReflectorService::~XdpReflectorService() = default;

Result<XdpReflectorService> XdpReflectorService::start(const ReflectorOptions& options) {
  NETOBS_TRY_VOID(check_possible(options));
  NETOBS_TRY(features, features_without(options.disabled.names));
  NETOBS_TRY(port, hold_port(options));
  NETOBS_TRY(name, listening_interface(options.listen, options.interface));
  NETOBS_TRY(device, os::link_device(name));
  NETOBS_TRY(reflector, linux_bpf::XdpReflector::load(
                            program_options(options, port, device, features.hooks.tai_clock)));
  reflector.refresh(current_error_estimate());
  NETOBS_TRY(description, attach(reflector, options, device));
  XdpReflectorService service(
      std::make_unique<Parts>(Parts{.port = std::move(port), .reflector = std::move(reflector)}));
  service.state_.local = service.parts_->port.local;
  service.state_.transport = std::move(description);
  service.state_.hooks = "none";
  service.state_.on_path = xdp_reflector_path;
  service.state_.points = xdp_reflector_path & points_of(Layer::xdp);
  return service;
}

void XdpReflectorService::refresh() {
  if (parts_->reflector) parts_->reflector->refresh(current_error_estimate());
}

ReflectorCounters XdpReflectorService::stop() {
  ReflectorCounters counters;
  if (!parts_->reflector) return counters;
  const auto counted = parts_->reflector->counters();
  parts_->reflector.reset();
  const auto drop = [&](Drop reason) -> std::uint64_t& {
    return counters.dropped[static_cast<std::size_t>(reason)];
  };
  counters.received = counted.received;
  counters.answered = counted.answered;
  drop(Drop::too_short) = counted.too_short;
  drop(Drop::bad_error_estimate) = counted.bad_error_estimate;
  drop(Drop::no_room) = counted.too_long;
  drop(Drop::own_port) = counted.own_port;
  drop(Drop::bad_source) = counted.bad_source;
  drop(Drop::not_allowed) = counted.not_allowed;
  drop(Drop::rate_limited) = counted.rate_limited;
  return counters;
}

}  // namespace netobs::app
