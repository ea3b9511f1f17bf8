#include "linux/timestamp/tc_netlink.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/base/check.hpp"
#include "linux/bpf/bpf_object.hpp"

namespace netobs::linux_bpf {
namespace {

constexpr std::size_t reply_bytes = 32U
                                    << 10U;  // what the kernel puts into one dump message at most
constexpr int reply_timeout_s = 2;

std::uint32_t hook_parent(Direction direction) {
  return direction == Direction::tx ? TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)
                                    : TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
}

/// A request under construction: nlmsghdr, tcmsg, attributes. All our requests fit.
class Request {
 public:
  Request(std::uint16_t type, int flags, int ifindex, std::uint32_t parent) {
    header_.nlmsg_type = type;
    header_.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    message_.tcm_family = AF_UNSPEC;
    message_.tcm_ifindex = ifindex;
    message_.tcm_parent = parent;
  }
  tcmsg& message() { return message_; }

  void attribute(int type, std::string_view text) { append(type, text.data(), text.size(), 1); }
  void attribute(int type, std::uint32_t value) { append(type, &value, sizeof(value), 0); }
  [[nodiscard]] std::size_t begin_nested(int type) {
    const std::size_t at = used_;
    append(type, nullptr, 0, 0);
    return at;
  }
  void end_nested(std::size_t at) {
    const auto bytes = static_cast<std::uint16_t>(used_ - at);
    std::memcpy(attributes_.data() + at + offsetof(rtattr, rta_len), &bytes, sizeof(bytes));
  }

  [[nodiscard]] bool send(int fd, std::uint32_t sequence) {
    constexpr std::size_t fixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(tcmsg));
    std::array<std::byte, fixed + capacity> bytes{};
    header_.nlmsg_len = static_cast<std::uint32_t>(fixed + used_);
    header_.nlmsg_seq = sequence;
    std::memcpy(bytes.data(), &header_, sizeof(header_));
    std::memcpy(bytes.data() + NLMSG_HDRLEN, &message_, sizeof(message_));
    std::memcpy(bytes.data() + fixed, attributes_.data(), used_);
    return ::send(fd, bytes.data(), header_.nlmsg_len, 0) ==
           static_cast<ssize_t>(header_.nlmsg_len);
  }

 private:
  void append(int type, const void* data, std::size_t bytes, std::size_t terminator) {
    const rtattr header{static_cast<std::uint16_t>(RTA_LENGTH(bytes + terminator)),
                        static_cast<std::uint16_t>(type)};
    const std::size_t padded = RTA_SPACE(bytes + terminator);
    NETOBS_CHECK(used_ + padded <= capacity, "used {} padded {}", used_, padded);
    std::memcpy(attributes_.data() + used_, &header, sizeof(header));
    if (bytes != 0) std::memcpy(attributes_.data() + used_ + RTA_LENGTH(0), data, bytes);
    used_ += padded;
  }

  static constexpr std::size_t capacity = 128;
  nlmsghdr header_{};
  tcmsg message_{};
  std::array<std::byte, capacity> attributes_{};
  std::size_t used_ = 0;
};

/// Calls `on_filter(tcmsg)` per filter until the reply ends. Returns its errno.
template <class OnFilter>
Errno read_reply(int fd, OnFilter on_filter) {
  alignas(nlmsghdr) std::array<std::byte, reply_bytes> buffer;
  while (true) {
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return errno;
    std::size_t offset = 0;
    nlmsghdr header{};
    while (offset + sizeof(header) <= static_cast<std::size_t>(received)) {
      std::memcpy(&header, buffer.data() + offset, sizeof(header));
      if (header.nlmsg_len < sizeof(header) ||
          offset + header.nlmsg_len > static_cast<std::size_t>(received)) {
        return EBADMSG;
      }
      const std::byte* body = buffer.data() + offset + NLMSG_HDRLEN;
      const std::size_t body_bytes = header.nlmsg_len - NLMSG_HDRLEN;
      if (header.nlmsg_type == NLMSG_DONE) return 0;
      if (header.nlmsg_type == NLMSG_ERROR && body_bytes >= sizeof(int)) {
        int error = 0;
        std::memcpy(&error, body, sizeof(error));
        return -error;
      }
      if (header.nlmsg_type == RTM_NEWTFILTER && body_bytes >= sizeof(tcmsg)) {
        tcmsg message{};
        std::memcpy(&message, body, sizeof(message));
        on_filter(message);
      }
      offset += NLMSG_ALIGN(header.nlmsg_len);
    }
  }
}

Errno transact(int fd, Request request) {
  if (!request.send(fd, 0)) return errno;
  return read_reply(fd, [](const tcmsg&) {});
}

}  // namespace

Result<TcNetlink> TcNetlink::open() {
  os::Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd) return fail(bpf_error("open an rtnetlink socket", errno, "CAP_NET_ADMIN", ""));
  const timeval timeout{.tv_sec = reply_timeout_s, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  return TcNetlink(std::move(fd));
}

Errno TcNetlink::add_clsact(int ifindex) const {
  Request request(RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_CLSACT);
  request.message().tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  request.attribute(TCA_KIND, std::string_view("clsact"));
  return transact(fd_.get(), request);
}

Errno TcNetlink::remove_clsact(int ifindex) const {
  Request request(RTM_DELQDISC, NLM_F_ACK, ifindex, TC_H_CLSACT);
  request.message().tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  return transact(fd_.get(), request);
}

Errno TcNetlink::add_filter(int ifindex, Direction direction, std::uint32_t handle,
                            std::uint16_t priority, int program_fd) const {
  Request request(RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ifindex,
                  hook_parent(direction));
  request.message().tcm_handle = handle;
  request.message().tcm_info =
      TC_H_MAKE(static_cast<std::uint32_t>(priority) << 16U, htons(ETH_P_ALL));
  request.attribute(TCA_KIND, std::string_view("bpf"));
  const std::size_t options = request.begin_nested(TCA_OPTIONS);
  request.attribute(TCA_BPF_FD, static_cast<std::uint32_t>(program_fd));
  request.attribute(TCA_BPF_NAME, std::string_view("netobs"));
  request.attribute(TCA_BPF_FLAGS, std::uint32_t{TCA_BPF_FLAG_ACT_DIRECT});
  request.end_nested(options);
  return transact(fd_.get(), request);
}

Errno TcNetlink::remove_filter(int ifindex, Direction direction, const TcFilter& filter) const {
  Request request(RTM_DELTFILTER, NLM_F_ACK, ifindex, hook_parent(direction));
  request.message().tcm_handle = filter.handle;
  request.message().tcm_info =
      TC_H_MAKE(static_cast<std::uint32_t>(filter.priority) << 16U, filter.protocol);
  request.attribute(TCA_KIND, std::string_view("bpf"));
  return transact(fd_.get(), request);
}

std::vector<TcFilter> TcNetlink::filters(int ifindex, Direction direction) const {
  std::vector<TcFilter> found;
  Request request(RTM_GETTFILTER, NLM_F_DUMP, ifindex, hook_parent(direction));
  if (!request.send(fd_.get(), 0)) return found;
  const Errno status = read_reply(fd_.get(), [&found](const tcmsg& message) {
    if (message.tcm_handle == 0) return;  // a chain or a filter head, not a filter
    found.push_back({.handle = message.tcm_handle,
                     .priority = static_cast<std::uint16_t>(message.tcm_info >> 16U),
                     .protocol = static_cast<std::uint16_t>(message.tcm_info & 0xffffU)});
  });
  if (status != 0) found.clear();
  return found;
}

}  // namespace netobs::linux_bpf
