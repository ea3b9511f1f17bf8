#include "linux/transport/tx_batch.hpp"

#include <algorithm>

#include "core/base/bytes.hpp"
#include "core/base/check.hpp"

namespace netobs {
namespace {

/// Each slot begins on a cache line of its own.
constexpr std::size_t slot_stride_bytes(std::size_t datagram_bytes) {
  constexpr std::size_t cache_line = 64;
  return (datagram_bytes + cache_line - 1) / cache_line * cache_line;
}

}  // namespace

TxBatch::TxBatch(const TransportOptions& options, const UdpSocket& socket)
    : storage_(options.tx_slots * slot_stride_bytes(options.max_datagram_bytes)),
      slots_(options.tx_slots),
      headers_(options.tx_slots),
      pieces_(options.tx_slots),
      peers_(options.tx_slots),
      controls_(options.tx_slots) {
  const std::size_t stride = slot_stride_bytes(options.max_datagram_bytes);
  pointers_.reserve(slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].buffer = std::span(storage_).subspan(i * stride, options.max_datagram_bytes);
    slots_[i].peer = socket.remote;
    pointers_.push_back(&slots_[i]);
    pieces_[i].iov_base = slots_[i].buffer.data();
    headers_[i].msg_hdr.msg_iov = &pieces_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
}

std::span<TxSlot* const> TxBatch::acquire(std::size_t want, std::size_t limit) {
  acquired_ = std::min({want, limit, slots_.size()});
  for (std::size_t i = 0; i < acquired_; ++i) {
    slots_[i].size = 0;
    slots_[i].timestamp_id = 0;
    slots_[i].local = {};
    slots_[i].hardware_stamp = true;
  }
  return std::span(pointers_).first(acquired_);
}

std::span<mmsghdr> TxBatch::prepare(std::size_t count, const UdpSocket& socket) {
  NETOBS_CHECK(count <= acquired_, "submit {} of {} acquired", count, acquired_);
  for (std::size_t i = 0; i < count; ++i) prepare_one(i, socket);
  acquired_ = 0;
  return std::span(headers_).first(count);
}

void TxBatch::prepare_one(std::size_t index, const UdpSocket& socket) {
  const TxSlot& slot = slots_[index];
  NETOBS_CHECK(slot.size <= slot.buffer.size(), "size {} of {}", slot.size, slot.buffer.size());
  TxControl& control = controls_[index];
  control.clear();
  if (socket.points.has(Point::tx_hardware) && slot.hardware_stamp) {
    control.add_timestamping(socket.hardware_stamp_flags());
  }
  if (socket.has_tx_points()) {
    if (socket.carries_id_beside()) {
      control.add_timestamp_id(slot.timestamp_id);
    } else {
      NETOBS_CHECK(slot.size >= sizeof slot.timestamp_id &&
                       load_be<std::uint32_t>(slot.buffer, 0) == slot.timestamp_id,
                   "size {} timestamp_id {}", slot.size, slot.timestamp_id);
    }
  }
  msghdr& header = headers_[index].msg_hdr;
  if (!socket.connected) {
    // A socket bound to one address sends from it anyway.
    const bool choose_source = socket.local.is_unspecified() && !slot.local.is_unspecified();
    if (choose_source) control.add_source(slot.local);
    peers_[index] = os::to_socket_address(slot.peer, socket.family);
    header.msg_name = &peers_[index].storage;
    header.msg_namelen = peers_[index].size_bytes;
  }
  header.msg_control = control.size == 0 ? nullptr : control.bytes.data();
  header.msg_controllen = control.size;
  pieces_[index].iov_len = slot.size;
}

}  // namespace netobs
