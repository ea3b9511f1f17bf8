#include "linux/transport/af_xdp/af_xdp_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <utility>

#include "linux/os/interface.hpp"
#include "linux/os/xdp_features.hpp"

namespace netobs {
namespace {

using linux_bpf::XdpMode;

constexpr unsigned most_queues = 64;  // the program's map of sockets
constexpr std::uint32_t least_frames_per_queue = 64;

struct Attempt {
  AfXdpMode mode;
  XdpMode attach;
  bool zero_copy;
};
/// In order of speed.
constexpr std::array attempts{
    Attempt{AfXdpMode::zero_copy, XdpMode::native, true},
    Attempt{AfXdpMode::copy, XdpMode::native, false},
    Attempt{AfXdpMode::skb, XdpMode::skb, false},
};

std::string_view attempt_name(AfXdpMode mode) {
  return mode == AfXdpMode::zero_copy ? "zero-copy" : mode == AfXdpMode::copy ? "copy" : "SKB mode";
}

/// What no other mode would make better.
bool final_error(const Error& error) {
  return error.sys_errno == EPERM || error.sys_errno == EACCES || error.sys_errno == EBUSY ||
         error.sys_errno == EEXIST || error.sys_errno == ENOBUFS || error.sys_errno == ENETDOWN ||
         error.sys_errno == ENODEV || error.sys_errno == EAFNOSUPPORT;
}

/// Which of the NIC's times to ask for, and why not the others.
struct HardwarePlan {
  bool receive = false;
  bool transmit = false;
  std::string no_receive;
  std::string no_transmit;
};

HardwarePlan plan_hardware(const AfXdpLinkOptions& options, const Attempt& attempt) {
  HardwarePlan plan;
  if (!options.steering.rx_hardware && !options.tx_hardware) return plan;
  const auto features = os::xdp_clock_features(options.steering.ifindex);
  // A program for one device's times runs in its driver or not at all. Who cannot tell may have
  // them.
  if (options.steering.rx_hardware) {
    if (attempt.attach != XdpMode::native) {
      plan.no_receive = "not in SKB mode";
    } else if (!features.receive.value_or(true)) {
      plan.no_receive = "the driver has none for XDP";
    }
    plan.receive = plan.no_receive.empty();
  }
  if (options.tx_hardware) {
    if (!attempt.zero_copy) {
      plan.no_transmit = "in zero-copy mode only";
    } else if (!features.transmit) {
      plan.no_transmit = "the driver has none for AF_XDP";
    }
    plan.transmit = plan.no_transmit.empty();
  }
  return plan;
}

/// A socket on every receive queue: which of them the NIC puts a packet into is its own choice.
Result<std::vector<xsk::Socket>> open_sockets(const AfXdpLinkOptions& options, bool zero_copy,
                                              bool tx_metadata,
                                              const linux_bpf::Steering& steering) {
  const unsigned queues = std::min(os::receive_queue_count(options.interface), most_queues);
  xsk::SocketOptions wanted;
  wanted.ifindex = options.steering.ifindex;
  wanted.rx_frames = std::max(std::bit_floor(options.rx_frames / queues), least_frames_per_queue);
  wanted.zero_copy = zero_copy;
  wanted.busy_poll_us = options.busy_poll_us;
  std::vector<xsk::Socket> sockets;
  for (unsigned queue = 0; queue < queues; ++queue) {
    wanted.queue = queue;
    // Only the first sends; the others have the least that the kernel takes.
    wanted.tx_frames = queue == 0 ? options.tx_frames : 2;
    wanted.tx_metadata = queue == 0 && tx_metadata;
    NETOBS_TRY(socket, xsk::Socket::open(wanted));
    NETOBS_TRY_VOID(steering.add_socket(queue, socket.fd()));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

Result<AfXdpLink> open_one(const AfXdpLinkOptions& options, const Attempt& attempt) {
  AfXdpLink link;
  link.mode = attempt.attach;
  auto plan = plan_hardware(options, attempt);
  auto steering_options = options.steering;
  steering_options.rx_hardware = plan.receive;
  NETOBS_TRY(steering, linux_bpf::Steering::load(steering_options));
  link.steering = std::make_unique<linux_bpf::Steering>(std::move(steering));
  link.no_rx_hardware = plan.receive ? link.steering->hardware_refusal() : plan.no_receive;
  link.no_tx_hardware = std::move(plan.no_transmit);
  NETOBS_TRY(attachment,
             linux_bpf::attach_xdp(link.steering->program_fd(), options.steering.ifindex,
                                   attempt.attach, options.af_xdp.replace_program));
  link.attachment = std::move(attachment);
  NETOBS_TRY(sockets, open_sockets(options, attempt.zero_copy, plan.transmit, *link.steering));
  link.sockets = std::move(sockets);
  return link;
}

}  // namespace

Result<AfXdpLink> AfXdpLink::open(const AfXdpLinkOptions& options) {
  std::string refused;
  Error last;
  for (const auto& attempt : attempts) {
    const auto wanted = options.af_xdp.mode;
    if (wanted != AfXdpMode::automatic && wanted != attempt.mode) continue;
    auto link = open_one(options, attempt);
    if (link) {
      link->refused = std::move(refused);
      return link;
    }
    last = std::move(link).error();
    if (final_error(last)) break;
    refused += fmt::format("{}no {}: {}", refused.empty() ? "" : "; ", attempt_name(attempt.mode),
                           last.brief());
  }
  return fail(std::move(last));
}

std::string AfXdpLink::mode_text() const {
  if (sockets.front().zero_copy()) return "zero-copy";
  return mode == XdpMode::native ? "copy, native XDP" : "copy, SKB mode";
}

}  // namespace netobs
