#include "linux/conditions/icmp_socket.hpp"

#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/net_tstamp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <vector>

#include "linux/os/clock.hpp"
#include "linux/os/socket.hpp"

namespace netobs::conditions {
namespace {

constexpr std::size_t header_bytes = 8;  // of an echo, in both families
constexpr std::size_t most_pending = 1024;
constexpr std::size_t v4_header_bytes = 20;

std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(bytes[i]) << 8U : bytes[i];
  }
  while ((sum >> 16U) != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

void put_16(std::span<std::uint8_t> at, std::uint16_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8U);
  at[1] = static_cast<std::uint8_t>(value & 0xffU);
}
std::uint16_t get_16(std::span<const std::uint8_t> at) {
  return static_cast<std::uint16_t>((at[0] << 8U) | at[1]);
}

/// A raw socket hears every ICMP message of the host: only replies are let through.
void let_replies_through(int fd, bool v4) {
  if (v4) {
    const std::uint32_t blocked = ~(1U << ICMP_ECHOREPLY);
    (void)::setsockopt(fd, SOL_RAW, ICMP_FILTER, &blocked, sizeof blocked);
    return;
  }
  icmp6_filter filter{};
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
  (void)::setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
}

/// The kernel's software time in a control message.
std::optional<std::int64_t> software_time(const cmsghdr& message) {
  if (message.cmsg_level != SOL_SOCKET || message.cmsg_type != SO_TIMESTAMPING_NEW) return {};
  scm_timestamping64 times{};
  std::memcpy(&times, CMSG_DATA(&message), sizeof times);
  if (times.ts[0].tv_sec <= 0) return {};
  return times.ts[0].tv_sec * 1'000'000'000 + times.ts[0].tv_nsec;
}

/// recvmsg() with room for control messages.
struct Received {
  std::array<std::uint8_t, 2048> data{};
  alignas(cmsghdr) std::array<std::uint8_t, 512> control{};
  iovec part{};
  msghdr message{};

  ssize_t from(int fd, int flags) {
    part = {.iov_base = data.data(), .iov_len = data.size()};
    message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    return ::recvmsg(fd, &message, flags | MSG_DONTWAIT);
  }
  template <class Look>
  void each_control(Look look) {
    for (auto* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
      look(*at);
    }
  }
};

std::optional<std::uint8_t> hop_limit(const cmsghdr& message) {
  const bool v4 = message.cmsg_level == IPPROTO_IP && message.cmsg_type == IP_TTL;
  const bool v6 = message.cmsg_level == IPPROTO_IPV6 && message.cmsg_type == IPV6_HOPLIMIT;
  if (!v4 && !v6) return std::nullopt;
  int value = 0;
  std::memcpy(&value, CMSG_DATA(&message), sizeof value);
  return static_cast<std::uint8_t>(value);
}

}  // namespace

Result<IcmpSocket> IcmpSocket::open(const Endpoint& target) {
  const bool v4 = target.is_v4();
  const int family = v4 ? AF_INET : AF_INET6;
  const int protocol = v4 ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6);
  os::Fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, protocol));
  const bool raw = !fd;
  if (raw) fd = os::Fd(::socket(family, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) {
    return fail({.what = "open an ICMP socket",
                 .sys_errno = errno == EPERM ? EACCES : errno,
                 .cause = "The system lets neither this group nor this user send echoes.",
                 .remedy = "sysctl net.ipv4.ping_group_range, or run it with sudo."});
  }
  IcmpSocket made(std::move(fd), v4, raw);
  auto address = os::to_socket_address(target, family);
  // A raw socket takes the port for a protocol number.
  if (auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage); !v4) six->sin6_port = 0;
  if (auto* four = reinterpret_cast<sockaddr_in*>(&address.storage); v4) four->sin_port = 0;
  if (raw) let_replies_through(made.fd_.get(), v4);
  if (::connect(made.fd_.get(), address.get(), address.size_bytes) != 0) {
    return fail({.what = "send echoes to " + target.address_text(),
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  }
  made.switch_on_options();
  return made;
}

void IcmpSocket::switch_on_options() {
  const int fd = fd_.get();
  const auto now = static_cast<std::uint64_t>(os::monotonic_now().ns);
  identifier_ = static_cast<std::uint16_t>((now >> 10U) ^ static_cast<std::uint64_t>(::getpid()));
  (void)(v4_ ? os::set_option(fd, IPPROTO_IP, IP_RECVTTL, 1, "IP_RECVTTL")
             : os::set_option(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT"));
  // Where any of this is refused, the times of the application stand in.
  const int receive = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  const int both = receive | SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
                   SOF_TIMESTAMPING_OPT_TSONLY;
  transmit_times_ =
      os::set_option(fd, SOL_SOCKET, SO_TIMESTAMPING_NEW, both, "SO_TIMESTAMPING").has_value();
  if (!transmit_times_) {
    (void)os::set_option(fd, SOL_SOCKET, SO_TIMESTAMPING_NEW, receive, "SO_TIMESTAMPING");
  }
}

std::string IcmpSocket::method() const {
  return raw_ ? "ICMP raw socket" : "ICMP datagram socket";
}

int IcmpSocket::send(std::uint16_t sequence, std::size_t payload_bytes) {
  std::vector<std::uint8_t> packet(header_bytes + payload_bytes);
  packet[0] = v4_ ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
  const std::span<std::uint8_t> bytes(packet);
  put_16(bytes.subspan(4), identifier_);
  put_16(bytes.subspan(6), sequence);
  // The kernel does it for ICMPv6 and for its own kind of socket.
  if (v4_) put_16(bytes.subspan(2), internet_checksum(bytes));
  ssize_t sent = -1;
  // An ICMP error that waits on the socket fails one send that has nothing to do with it.
  for (int tries = 0; tries < 2 && sent < 0; ++tries) {
    sent = ::send(fd_.get(), packet.data(), packet.size(), 0);
    if (sent >= 0) break;
    last_error_ = errno;
    // Whether the kernel counted it depends on its version, so its later names are not trusted.
    transmit_times_ = false;
  }
  if (sent < 0) return last_error_;
  keys_[next_key_++] = sequence;
  while (keys_.size() > most_pending) keys_.erase(keys_.begin());
  return 0;
}

void IcmpSocket::wait(Duration limit) const {
  pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  const auto bounded = std::clamp<Duration>(limit, Duration::zero(), std::chrono::seconds(1));
  const timespec time{.tv_sec = bounded.count() / 1'000'000'000,
                      .tv_nsec = bounded.count() % 1'000'000'000};
  (void)::ppoll(&entry, 1, &time, nullptr);
}

void IcmpSocket::read_transmit_times() {
  Received received;
  while (received.from(fd_.get(), MSG_ERRQUEUE) >= 0) {
    std::optional<std::int64_t> time;
    std::optional<std::uint32_t> key;
    received.each_control([&](const cmsghdr& message) {
      if (const auto found = software_time(message)) time = found;
      const bool error = (message.cmsg_level == IPPROTO_IP && message.cmsg_type == IP_RECVERR) ||
                         (message.cmsg_level == IPPROTO_IPV6 && message.cmsg_type == IPV6_RECVERR);
      if (!error) return;
      sock_extended_err details{};
      std::memcpy(&details, CMSG_DATA(&message), sizeof details);
      if (details.ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
        key = details.ee_data;
      } else if (details.ee_errno != 0) {
        last_error_ = static_cast<int>(details.ee_errno);
      }
    });
    if (!time || !key || !transmit_times_) continue;
    if (const auto known = keys_.find(*key); known != keys_.end()) {
      sent_at_[known->second] = *time;
      keys_.erase(known);
    }
    while (sent_at_.size() > most_pending) sent_at_.erase(sent_at_.begin());
  }
}

std::optional<std::int64_t> IcmpSocket::sent_at(std::uint16_t sequence) {
  read_transmit_times();
  const auto found = sent_at_.find(sequence);
  if (found == sent_at_.end()) return std::nullopt;
  return found->second;
}

std::optional<EchoReply> IcmpSocket::receive() {
  read_transmit_times();
  Received received;
  while (true) {
    const auto size = received.from(fd_.get(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != EAGAIN) {
      last_error_ = errno;  // an ICMP error; it is off the socket now
      return std::nullopt;
    }
    if (size < 0) return std::nullopt;
    EchoReply reply{.rx_ns = os::realtime_now().ns, .seen = os::monotonic_now()};
    auto bytes = std::span<const std::uint8_t>(received.data).first(static_cast<std::size_t>(size));
    if (raw_ && v4_) {  // only this kind comes with its IP header
      const auto skip = bytes.empty() ? v4_header_bytes : (bytes[0] & 0xfU) * 4UL;
      if (bytes.size() < skip) continue;
      bytes = bytes.subspan(skip);
    }
    if (bytes.size() < header_bytes) continue;
    if (bytes[0] != (v4_ ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY)) continue;
    if (raw_ && get_16(bytes.subspan(4)) != identifier_) continue;
    reply.sequence = get_16(bytes.subspan(6));
    received.each_control([&](const cmsghdr& message) {
      if (const auto limit = hop_limit(message)) reply.ttl = limit;
      if (const auto time = software_time(message)) {
        reply.rx_ns = *time;
        reply.kernel_stamped = true;
      }
    });
    return reply;
  }
}

Result<void> IcmpSocket::forbid_fragments() {
  if (v4_) {
    return os::set_option(fd_.get(), IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE,
                          "IP_MTU_DISCOVER");
  }
  return os::set_option(fd_.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE,
                        "IPV6_MTU_DISCOVER");
}

}  // namespace netobs::conditions
