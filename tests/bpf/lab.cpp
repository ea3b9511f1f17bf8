#include "bpf/lab.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>

#include "linux/os/subprocess.hpp"

namespace netobs::test {

std::optional<std::string> reason_to_skip() {
  auto lab = lab::VethLab::create();
  if (!lab) return lab.error().message();
  HookOptions options;
  options.wanted = bpf_points;
  options.interfaces = {1};
  const os::Fd socket = udp_socket(0);
  options.socket_fds = {socket.get()};
  const auto start = start_hooks(options);
  for (const auto& [point, error] : start.refused) {
    return std::string(name(point)) + ": " + error.message();
  }
  return std::nullopt;
}

std::string run(const std::vector<std::string>& command) {
  const auto output = os::run_process(command, "");
  EXPECT_TRUE(output.has_value());
  if (!output) return {};
  EXPECT_EQ(output->exit_status, 0) << command[0] << ": " << output->text;
  return output->text;
}

int interface_index(const char* name) {
  const auto index = static_cast<int>(::if_nametoindex(name));
  EXPECT_GT(index, 0) << name;
  return index;
}

os::Fd udp_socket(std::uint16_t port, bool ipv6) {
  os::Fd fd(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_TRUE(static_cast<bool>(fd));
  const timeval timeout{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  const int bound = ipv6 ? ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&v6), sizeof(v6))
                         : ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&v4), sizeof(v4));
  EXPECT_EQ(bound, 0) << std::strerror(errno);
  return fd;
}

Bytes numbered_payload(std::uint32_t sequence, std::uint32_t sender_sequence) {
  Bytes payload(44, 0);
  const std::uint32_t first = htonl(sequence);
  const std::uint32_t second = htonl(sender_sequence);
  std::memcpy(payload.data(), &first, sizeof(first));
  payload[15] = 0x2a;
  std::memcpy(payload.data() + 24, &second, sizeof(second));
  return payload;
}

void send_to(const os::Fd& socket, const Endpoint& to, const Bytes& payload) {
  ssize_t sent = 0;
  if (to.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    std::memcpy(&address.sin_addr, to.address.data() + 12, 4);
    sent = ::sendto(socket.get(), payload.data(), payload.size(), 0,
                    reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(to.port);
    address.sin6_scope_id = to.scope_id;
    std::memcpy(&address.sin6_addr, to.address.data(), 16);
    sent = ::sendto(socket.get(), payload.data(), payload.size(), 0,
                    reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  EXPECT_EQ(sent, static_cast<ssize_t>(payload.size())) << std::strerror(errno);
}

std::size_t receive(const os::Fd& socket) {
  Bytes buffer(4096);
  const ssize_t bytes = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  EXPECT_GE(bytes, 0) << std::strerror(errno);
  return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
}

void send_frame(const char* interface, const Bytes& frame) {
  const os::Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = interface_index(interface);
  const ssize_t sent = ::sendto(socket.get(), frame.data(), frame.size(), 0,
                                reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  EXPECT_EQ(sent, static_cast<ssize_t>(frame.size())) << std::strerror(errno);
}

os::Fd open_tun(const char* name, bool in_pieces) {
  os::Fd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (in_pieces ? IFF_VNET_HDR : 0));
  EXPECT_EQ(::ioctl(fd.get(), TUNSETIFF, &request), 0) << std::strerror(errno);
  return fd;
}

std::vector<HookEvent> drain(HookSource& source) {
  std::vector<HookEvent> all;
  while (true) {
    const auto batch = source.poll();
    if (batch.empty()) return all;
    all.insert(all.end(), batch.begin(), batch.end());
  }
}

Side start_side(const char* interface, std::uint16_t port, std::optional<Endpoint> remote,
                PointSet wanted, HookFeatures features) {
  Side side;
  side.socket = udp_socket(port, remote && !remote->is_v4());
  HookOptions options;
  options.wanted = wanted;
  options.interfaces = {interface_index(interface)};
  options.local_port = port;
  options.remote = remote;
  options.socket_fds = {side.socket.get()};
  options.features = features;
  auto start = start_hooks(options);
  for (const auto& [point, error] : start.refused) {
    ADD_FAILURE() << name(point) << ": " << error.message();
  }
  side.hooks = std::move(start.source);
  return side;
}

}  // namespace netobs::test
