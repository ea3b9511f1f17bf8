#include "linux/transport/uring_receive.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "linux/os/clock.hpp"

namespace netobs {

SpinReceive::SpinReceive(std::size_t count, std::size_t data_bytes, const UdpSocket& socket)
    : batch_(count, data_bytes, socket), bare_(socket.tells_nothing_beside) {}

void SpinReceive::queue(Uring& ring) {
  if (in_flight_ != 0) return;
  received_ = 0;
  const auto headers = batch_.prepare(round_);
  for (std::size_t i = 0; i < headers.size(); ++i) {
    io_uring_sqe* entry = ring.next_entry();
    if (entry == nullptr) return;
    if (bare_) {
      const auto room = batch_.room(i);
      io_uring_prep_recv(entry, 0, room.data(), room.size(), MSG_DONTWAIT | MSG_TRUNC);
    } else {
      io_uring_prep_recvmsg(entry, 0, &headers[i].msg_hdr, MSG_DONTWAIT);
    }
    entry->flags |= IOSQE_FIXED_FILE;
    entry->user_data = uring_tag(UringTag::receive, i);
    ++in_flight_;
  }
}

bool SpinReceive::complete(const io_uring_cqe& completion, const UdpSocket& socket,
                           EventStore& events) {
  --in_flight_;
  if (completion.res < 0) return false;
  ++received_;
  const auto index = static_cast<std::size_t>(completion.user_data & 0xffffffffU);
  const auto bytes = static_cast<std::size_t>(completion.res);
  const std::int64_t now = os::realtime_now().ns;
  if (bare_) {
    events.datagrams.push_back(batch_.bare_datagram(index, bytes, socket, now));
    return true;
  }
  if (batch_.control_truncated(index)) ++control_truncated_count_;
  events.datagrams.push_back(batch_.datagram(index, bytes, socket, now));
  return true;
}

void SpinReceive::adapt(bool waited) {
  // A full round without waiting means that more is queued; a wait means that one is enough.
  if (!waited && received_ == round_) round_ = std::min(round_ * 2, batch_.size());
  if (received_ == 0) round_ = 1;
}

MultishotReceive::MultishotReceive(std::unique_ptr<BufferRing> buffers, const UdpSocket& socket)
    : buffers_(std::move(buffers)) {
  header_.msg_namelen = socket.connected ? 0 : sizeof(sockaddr_in6);
  header_.msg_controllen = socket.control_bytes;
}

std::size_t MultishotReceive::overhead_bytes(const UdpSocket& socket) {
  const std::size_t name_bytes = socket.connected ? 0 : sizeof(sockaddr_in6);
  return sizeof(io_uring_recvmsg_out) + name_bytes + socket.control_bytes;
}

void MultishotReceive::arm(Uring& ring) {
  if (armed_) return;
  io_uring_sqe* entry = ring.next_entry();
  if (entry == nullptr) return;
  io_uring_prep_recvmsg_multishot(entry, 0, &header_, 0);
  entry->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  entry->buf_group = BufferRing::group;
  entry->user_data = uring_tag(UringTag::multishot);
  armed_ = true;
  used_ = true;
}

void MultishotReceive::complete(const io_uring_cqe& completion, const UdpSocket& socket,
                                EventStore& events) {
  if ((completion.flags & IORING_CQE_F_MORE) == 0) armed_ = false;
  if ((completion.flags & IORING_CQE_F_BUFFER) == 0) return;
  const std::int64_t now = os::realtime_now().ns;
  const auto id = static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
  events.held_buffers.push_back(id);
  const std::span<const std::byte> buffer = buffers_->buffer(id);
  const std::size_t before_payload =
      sizeof(io_uring_recvmsg_out) + header_.msg_namelen + header_.msg_controllen;
  if (completion.res < 0 || static_cast<std::size_t>(completion.res) < before_payload) return;

  io_uring_recvmsg_out head{};
  std::memcpy(&head, buffer.data(), sizeof head);
  const auto filled =
      buffer.first(std::min(static_cast<std::size_t>(completion.res), buffer.size()));
  const auto name = filled.subspan(sizeof head, header_.msg_namelen);
  const auto control = filled.subspan(sizeof head + header_.msg_namelen, header_.msg_controllen);
  if ((head.flags & MSG_CTRUNC) != 0) ++control_truncated_count_;
  events.datagrams.push_back(make_datagram(
      filled.subspan(before_payload), name.first(std::min<std::size_t>(head.namelen, name.size())),
      control.first(std::min<std::size_t>(head.controllen, control.size())), head.flags, socket,
      now));
}

void MultishotReceive::give_back(EventStore& events) {
  buffers_->give_back(events.held_buffers);
  events.held_buffers.clear();
}

}  // namespace netobs
