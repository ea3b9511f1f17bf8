#include "linux/bpf/xdp_link.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "linux/bpf/bpf_object.hpp"
#include "linux/bpf/libbpf_log.hpp"

namespace netobs::linux_bpf {

/// A program that stood there before, to be put back.
struct XdpAttachment::Replaced {
  os::NetworkNamespace where;
  os::Fd program;
  int ifindex = 0;
  std::uint32_t flags = 0;
};

namespace {

constexpr std::string_view needs = "CAP_NET_ADMIN";

std::string device_name(int ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  return ::if_indextoname(static_cast<unsigned>(ifindex), name.data()) == nullptr
             ? fmt::format("interface {}", ifindex)
             : name.data();
}

std::uint32_t mode_flag(XdpMode mode) {
  return mode == XdpMode::native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

struct Occupant {
  std::uint32_t id = 0;
  std::uint32_t flags = 0;
};

std::optional<Occupant> occupant(int ifindex) {
  bpf_xdp_query_opts query{};
  query.sz = sizeof query;
  if (bpf_xdp_query(ifindex, 0, &query) != 0) return std::nullopt;
  if (query.drv_prog_id != 0) return Occupant{query.drv_prog_id, XDP_FLAGS_DRV_MODE};
  if (query.skb_prog_id != 0) return Occupant{query.skb_prog_id, XDP_FLAGS_SKB_MODE};
  if (query.hw_prog_id != 0) return Occupant{query.hw_prog_id, XDP_FLAGS_HW_MODE};
  if (query.prog_id != 0) return Occupant{query.prog_id, 0};
  return std::nullopt;
}

std::string program_name(std::uint32_t id) {
  const os::Fd program(bpf_prog_get_fd_by_id(id));
  bpf_prog_info info{};
  std::uint32_t size = sizeof info;
  if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return "";
  return fmt::format(" ({})", info.name);
}

Error occupied(int ifindex, std::uint32_t id, bool forced) {
  return {.what = fmt::format("attach XDP to {}", device_name(ifindex)),
          .sys_errno = EBUSY,
          .cause = fmt::format("The program {}{} is there already{}.", id, program_name(id),
                               forced ? ", held by another process" : ""),
          .remedy = forced ? "End that process first."
                           : "End what uses it, or replace it for the time with --force.",
          .exit = ExitCode::layer_missing};
}

/// Returns the program, so that it can be put back.
Result<os::Fd> take_off(int ifindex, const Occupant& there) {
  const int fd = bpf_prog_get_fd_by_id(there.id);
  os::Fd program(fd);
  if (!program) {
    return fail(bpf_error(fmt::format("hold the XDP program {}, to put it back later", there.id),
                          -fd, "CAP_SYS_ADMIN", ""));
  }
  bpf_xdp_attach_opts only_it{};
  only_it.sz = sizeof only_it;
  only_it.old_prog_fd = program.get();
  const int status = bpf_xdp_detach(ifindex, there.flags, &only_it);
  if (status == 0) return program;
  if (status == -EBUSY) return fail(occupied(ifindex, there.id, true));
  return fail(
      bpf_error(fmt::format("detach the XDP program {} from {}", there.id, device_name(ifindex)),
                -status, needs, ""));
}

Error attach_error(int ifindex, XdpMode mode, int error, std::string detail) {
  const auto what = fmt::format("attach XDP to {} in {} mode", device_name(ifindex),
                                mode == XdpMode::native ? "native" : "SKB");
  auto made = bpf_error(what, error, needs, std::move(detail));
  if (mode == XdpMode::skb) return made;  // no driver has a say
  if (error == EOPNOTSUPP || error == ENOTSUP) {
    made.cause = "The driver has no XDP, or not with its present settings.";
    made.remedy = "Use --xdp-mode skb.";
  } else if (error == ERANGE || error == E2BIG || error == EFBIG || error == EINVAL) {
    made.cause = "The driver refuses it, as many do with a large MTU or with LRO.";
    made.remedy = "Lower the MTU (`ip link set mtu`), or use --xdp-mode skb.";
  }
  return made;
}

}  // namespace

XdpAttachment::XdpAttachment() = default;
XdpAttachment::XdpAttachment(XdpAttachment&&) noexcept = default;

XdpAttachment& XdpAttachment::operator=(XdpAttachment&& other) noexcept {
  std::swap(link_, other.link_);
  std::swap(replaced_, other.replaced_);
  return *this;
}

XdpAttachment::~XdpAttachment() {
  link_.reset();
  if (!replaced_) return;
  const LibbpfLog log;
  auto scope = os::NamespaceScope::enter(replaced_->where);
  if (!scope) return;
  (void)bpf_xdp_attach(replaced_->ifindex, replaced_->program.get(),
                       replaced_->flags | XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr);
}

Result<XdpAttachment> attach_xdp(int program_fd, int ifindex, XdpMode mode, bool force) {
  const LibbpfLog log;
  XdpAttachment attachment;
  if (const auto there = occupant(ifindex)) {
    if (!force) return fail(occupied(ifindex, there->id, false));
    NETOBS_TRY(where, os::NetworkNamespace::current());
    NETOBS_TRY(program, take_off(ifindex, *there));
    attachment.replaced_ = std::make_unique<XdpAttachment::Replaced>(
        XdpAttachment::Replaced{.where = std::move(where),
                                .program = std::move(program),
                                .ifindex = ifindex,
                                .flags = there->flags});
  }
  bpf_link_create_opts options{};
  options.sz = sizeof options;
  options.flags = mode_flag(mode);
  const int link = bpf_link_create(program_fd, ifindex, BPF_XDP, &options);
  if (link < 0) return fail(attach_error(ifindex, mode, -link, log.last_words()));
  attachment.link_ = os::Fd(link);
  return attachment;
}

}  // namespace netobs::linux_bpf
