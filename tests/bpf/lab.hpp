#pragma once
// Two hosts on a veth pair with the hooks running on both, and sockets that exchange probes.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/packet.hpp"
#include "linux/lab/veth_lab.hpp"
#include "linux/os/fd.hpp"
#include "linux/timestamp/bpf_hooks.hpp"

namespace netobs::test {

inline constexpr std::uint16_t sender_port = 20000;
inline constexpr std::uint16_t reflector_port = 862;

/// Why nothing here can run on this machine; nullopt when it can.
[[nodiscard]] std::optional<std::string> reason_to_skip();

/// Runs a command in the calling thread's namespace; the test fails when it does.
std::string run(const std::vector<std::string>& command);
[[nodiscard]] int interface_index(const char* name);

/// A UDP socket of the calling thread's namespace, bound to this port, with a receive time-out.
[[nodiscard]] os::Fd udp_socket(std::uint16_t port, bool ipv6 = false);
[[nodiscard]] Bytes numbered_payload(std::uint32_t sequence, std::uint32_t sender_sequence);
void send_to(const os::Fd& socket, const Endpoint& to, const Bytes& payload);
/// Bytes received; fails the test on time-out.
std::size_t receive(const os::Fd& socket);

/// A whole frame, past the stack, by AF_PACKET.
void send_frame(const char* interface, const Bytes& frame);
/// A tun device, IP packets without a link-layer header; gone with the descriptor. With
/// `in_pieces`, each write begins with a virtio_net_hdr that says how much stays in one piece.
[[nodiscard]] os::Fd open_tun(const char* name, bool in_pieces = false);

/// Everything there is, however many batches that takes.
[[nodiscard]] std::vector<HookEvent> drain(HookSource& source);

struct Side {
  os::Fd socket;
  std::unique_ptr<BpfHookSource> hooks;
};
/// In the calling thread's namespace. A refusal of any wanted point fails the test.
[[nodiscard]] Side start_side(const char* interface, std::uint16_t port,
                              std::optional<Endpoint> remote, PointSet wanted,
                              HookFeatures features = {});

}  // namespace netobs::test
