#include "linux/transport/rx_batch.hpp"

#include <algorithm>

namespace netobs {
namespace {

/// Control buffers must begin where a cmsghdr may.
std::size_t aligned_control_bytes(std::size_t wanted) {
  return CMSG_ALIGN(wanted);
}

}  // namespace

RxBatch::RxBatch(std::size_t count, std::size_t data_bytes, const UdpSocket& socket)
    : RxBatch(count, data_bytes, socket.control_bytes, socket) {}

RxBatch::RxBatch(std::size_t count, std::size_t data_bytes, std::size_t control_bytes,
                 const UdpSocket& socket)
    : data_bytes_(data_bytes),
      control_bytes_(control_bytes),
      named_(!socket.connected),
      data_(count * data_bytes),
      controls_(count * aligned_control_bytes(control_bytes)),
      names_(count),
      pieces_(count),
      headers_(count) {
  for (std::size_t i = 0; i < count; ++i) {
    pieces_[i] = {.iov_base = data_.data() + i * data_bytes, .iov_len = data_bytes};
    headers_[i].msg_hdr.msg_iov = &pieces_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_control = controls_.data() + i * aligned_control_bytes(control_bytes);
  }
}

std::span<mmsghdr> RxBatch::prepare(std::size_t count) {
  const auto headers = std::span(headers_).first(std::min(count, headers_.size()));
  for (std::size_t i = 0; i < headers.size(); ++i) {
    msghdr& header = headers[i].msg_hdr;
    header.msg_name = named_ ? &names_[i] : nullptr;
    header.msg_namelen = named_ ? sizeof names_[i] : 0;
    header.msg_controllen = control_bytes_;
    header.msg_flags = 0;
  }
  return headers;
}

bool RxBatch::control_truncated(std::size_t index) const {
  return (headers_[index].msg_hdr.msg_flags & MSG_CTRUNC) != 0;
}

std::span<const std::byte> RxBatch::control(std::size_t index) const {
  const msghdr& header = headers_[index].msg_hdr;
  return {static_cast<const std::byte*>(header.msg_control),
          std::min<std::size_t>(header.msg_controllen, control_bytes_)};
}

std::span<const std::byte> RxBatch::data(std::size_t index, std::size_t bytes) const {
  return std::span(data_).subspan(index * data_bytes_, std::min(bytes, data_bytes_));
}

std::span<std::byte> RxBatch::room(std::size_t index) {
  return std::span(data_).subspan(index * data_bytes_, data_bytes_);
}

RxDatagram RxBatch::bare_datagram(std::size_t index, std::size_t bytes, const UdpSocket& socket,
                                  std::int64_t app_rx_ns) const {
  RxDatagram datagram;
  datagram.payload = data(index, bytes);
  datagram.peer = socket.remote;
  datagram.local = socket.local_address();
  datagram.app_rx_ns = app_rx_ns;
  datagram.truncated = bytes > data_bytes_;
  return datagram;
}

RxDatagram RxBatch::datagram(std::size_t index, std::size_t bytes, const UdpSocket& socket,
                             std::int64_t app_rx_ns) const {
  const msghdr& header = headers_[index].msg_hdr;
  const auto name = std::as_bytes(std::span(&names_[index], 1))
                        .first(std::min<std::size_t>(header.msg_namelen, sizeof names_[index]));
  return make_datagram(data(index, bytes), name, control(index),
                       static_cast<unsigned>(header.msg_flags), socket, app_rx_ns);
}

RxDatagram make_datagram(std::span<const std::byte> payload, std::span<const std::byte> name,
                         std::span<const std::byte> control, unsigned message_flags,
                         const UdpSocket& socket, std::int64_t app_rx_ns) {
  const RxControl told = decode_rx_control(control);
  RxDatagram datagram;
  datagram.payload = payload;
  datagram.peer = socket.connected ? socket.remote : os::to_endpoint(name);
  datagram.local = told.local.is_unspecified() ? socket.local_address() : told.local;
  datagram.interface_index = told.interface_index;
  datagram.app_rx_ns = app_rx_ns;
  datagram.rx_software_ns = told.rx_software_ns;
  datagram.rx_hardware_ns = told.rx_hardware_ns;
  datagram.ttl = told.ttl;
  datagram.truncated = (message_flags & MSG_TRUNC) != 0;
  return datagram;
}

}  // namespace netobs
