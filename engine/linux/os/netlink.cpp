#include "linux/os/netlink.hpp"

#include <linux/genetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>

namespace netobs::os {
namespace {

constexpr int longest_wait_s = 2;
constexpr std::size_t reply_bytes = 32U << 10U;  // what the kernel puts into one answer at most

int hand_out(const nlmsghdr* message, void* visitor) {
  (*static_cast<const Netlink::Visitor*>(visitor))(*message);
  return MNL_CB_OK;
}

}  // namespace

NetlinkRequest::NetlinkRequest(std::uint16_t type, int flags)
    : header_(mnl_nlmsg_put_header(bytes_.data())) {
  header_->nlmsg_type = type;
  header_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

Result<Netlink> Netlink::open(int protocol) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  const timeval wait{.tv_sec = longest_wait_s, .tv_usec = 0};
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0) {
    return fail({.what = "ask the kernel about its network (netlink)",
                 .sys_errno = errno,
                 .cause = "",
                 .remedy = ""});
  }
  return Netlink(std::move(fd));
}

int Netlink::ask(NetlinkRequest& request, const Visitor& visit) {
  auto& header = request.header();
  header.nlmsg_seq = ++sequence_;
  // Ends the answer to a question that has only one message for it.
  header.nlmsg_flags |= NLM_F_ACK;
  if (::send(fd_.get(), &header, header.nlmsg_len, 0) < 0) return errno;
  alignas(nlmsghdr) std::array<std::byte, reply_bytes> reply;
  Visitor copy = visit;
  while (true) {
    const ssize_t size = ::recv(fd_.get(), reply.data(), reply.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN ? ETIME : errno;
    const int state =
        mnl_cb_run(reply.data(), static_cast<std::size_t>(size), sequence_, 0, hand_out, &copy);
    // An answer to an earlier question, which was given up.
    if (state < 0 && errno == ESRCH && size >= static_cast<ssize_t>(sizeof(nlmsghdr)) &&
        reinterpret_cast<const nlmsghdr*>(reply.data())->nlmsg_seq != sequence_) {
      continue;
    }
    if (state < 0) return errno;
    if (state == MNL_CB_STOP) return 0;
  }
}

std::uint16_t generic_family(Netlink& netlink, std::string_view name) {
  NetlinkRequest request(GENL_ID_CTRL, 0);
  request.add_header<genlmsghdr>() = {.cmd = CTRL_CMD_GETFAMILY, .version = 1, .reserved = 0};
  std::array<std::uint8_t, GENL_NAMSIZ> text{};
  if (name.size() >= text.size()) return 0;
  std::ranges::copy(name, text.begin());
  request.add(CTRL_ATTR_FAMILY_NAME, std::span(text).first(name.size() + 1));
  std::uint16_t number = 0;
  (void)netlink.ask(request, [&](const nlmsghdr& message) {
    for_each_attribute<genlmsghdr>(message, [&](const nlattr& attribute) {
      if (mnl_attr_get_type(&attribute) != CTRL_ATTR_FAMILY_ID) return;
      if (mnl_attr_get_payload_len(&attribute) < sizeof number) return;
      number = mnl_attr_get_u16(&attribute);
    });
  });
  return number;
}

}  // namespace netobs::os
