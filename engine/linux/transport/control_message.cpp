#include "linux/transport/control_message.hpp"

#include <linux/errqueue.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "core/base/bytes.hpp"
#include "core/base/check.hpp"
#include "linux/transport/kernel_abi.hpp"

namespace netobs {
namespace {

constexpr std::size_t id_bytes = 4;
constexpr std::size_t header_bytes = CMSG_LEN(0);

template <class T>
std::optional<T> read_as(std::span<const std::byte> data) {
  if (data.size() < sizeof(T)) return std::nullopt;
  T value{};
  std::memcpy(&value, data.data(), sizeof value);
  return value;
}

/// Calls visit(level, type, data) for each well-formed control message.
template <class Visitor>
void for_each_message(std::span<const std::byte> control, const Visitor& visit) {
  while (control.size() >= header_bytes) {
    cmsghdr header{};
    std::memcpy(&header, control.data(), sizeof header);
    if (header.cmsg_len < header_bytes || header.cmsg_len > control.size()) return;
    visit(header.cmsg_level, header.cmsg_type,
          control.subspan(header_bytes, header.cmsg_len - header_bytes));
    control = control.subspan(std::min(CMSG_ALIGN(header.cmsg_len), control.size()));
  }
}

Endpoint v4_address(const in_addr& address) {
  std::array<std::uint8_t, 4> octets{};
  std::memcpy(octets.data(), &address, octets.size());
  return Endpoint::v4(octets, 0);
}

Endpoint v6_address(const in6_pktinfo& info) {
  Endpoint endpoint;
  std::memcpy(endpoint.address.data(), &info.ipi6_addr, endpoint.address.size());
  if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) endpoint.scope_id = info.ipi6_ifindex;
  return endpoint;
}

/// The TTL comes as an int; ip(7) promises one octet's worth.
void read_ttl(std::span<const std::byte> data, RxControl& result) {
  if (const auto ttl = read_as<int>(data)) result.ttl = static_cast<std::uint8_t>(*ttl & 0xff);
}

void read_address(int level, int type, std::span<const std::byte> data, RxControl& result) {
  if (level == IPPROTO_IP && type == IP_PKTINFO) {
    // ipi_addr, not ipi_spec_dst: they differ for broadcast, and the header's address is asked for.
    const auto info = read_as<in_pktinfo>(data);
    if (!info) return;
    result.local = v4_address(info->ipi_addr);
    result.interface_index = info->ipi_ifindex;
  } else if (level == IPPROTO_IPV6 && type == IPV6_PKTINFO) {
    const auto info = read_as<in6_pktinfo>(data);
    if (!info) return;
    result.local = v6_address(*info);
    result.interface_index = static_cast<int>(info->ipi6_ifindex);
  }
}

struct ErrorParts {
  std::optional<sock_extended_err> error;
  std::optional<abi::ScmTimestamping64> times;
};

ErrorParts read_error_parts(std::span<const std::byte> control) {
  ErrorParts parts;
  for_each_message(control, [&parts](int level, int type, std::span<const std::byte> data) {
    if (level == SOL_SOCKET && type == abi::so_timestamping_new) {
      parts.times = read_as<abi::ScmTimestamping64>(data);
    } else if ((level == IPPROTO_IP && type == IP_RECVERR) ||
               (level == IPPROTO_IPV6 && type == IPV6_RECVERR)) {
      parts.error = read_as<sock_extended_err>(data);
    }
  });
  return parts;
}

/// include/uapi/linux/errqueue.h: ee_info says which point, the filled slot which clock.
std::optional<TxTimestamp> transmit_timestamp(const sock_extended_err& error,
                                              const abi::ScmTimestamping64& times,
                                              std::uint32_t id) {
  const auto software_ns = times.software.total_ns();
  if (error.ee_info == SCM_TSTAMP_SCHED && software_ns) {
    return TxTimestamp{id, Point::tx_sched, *software_ns};
  }
  if (error.ee_info != SCM_TSTAMP_SND) return std::nullopt;
  // Hardware first: in its message the software slot may hold the packet's delivery time.
  if (const auto hardware_ns = times.hardware.total_ns())
    return TxTimestamp{id, Point::tx_hardware, *hardware_ns};
  if (software_ns) return TxTimestamp{id, Point::tx_software, *software_ns};
  return std::nullopt;
}

/// A UDP header inside a packet: where it starts, and the length its IP header leaves for it.
struct UdpHeader {
  std::size_t offset;
  std::size_t length_bytes;
};

/// nullopt when `packet` does not begin with the IP header of a UDP packet. The packet's tail may
/// be missing.
std::optional<UdpHeader> find_udp_header(std::span<const std::byte> packet) {
  constexpr std::size_t v4_minimum = 20;
  constexpr std::size_t v6_size = 40;
  if (packet.size() < v4_minimum) return std::nullopt;
  const auto first = std::to_integer<unsigned>(packet[0]);
  if (first >> 4U == 4 && packet[9] == std::byte{IPPROTO_UDP}) {
    const std::size_t header = static_cast<std::size_t>(first & 0x0fU) * 4;
    const std::size_t total = load_be<std::uint16_t>(packet, 2);
    if (header >= v4_minimum && header <= total) return UdpHeader{header, total - header};
  }
  if (first >> 4U == 6 && packet.size() >= v6_size && packet[6] == std::byte{IPPROTO_UDP}) {
    return UdpHeader{v6_size, load_be<std::uint16_t>(packet, 4)};
  }
  return std::nullopt;
}

}  // namespace

RxControl decode_rx_control(std::span<const std::byte> control) {
  RxControl result;
  for_each_message(control, [&result](int level, int type, std::span<const std::byte> data) {
    if (level == SOL_SOCKET && type == abi::so_timestamping_new) {
      if (const auto times = read_as<abi::ScmTimestamping64>(data)) {
        result.rx_software_ns = times->software.total_ns();
        result.rx_hardware_ns = times->hardware.total_ns();
      }
    } else if ((level == IPPROTO_IP && type == IP_TTL) ||
               (level == IPPROTO_IPV6 && type == IPV6_HOPLIMIT)) {
      read_ttl(data, result);
    } else {
      read_address(level, type, data, result);
    }
  });
  return result;
}

std::optional<std::uint32_t> id_in_packet(std::span<const std::byte> packet,
                                          std::uint16_t source_port) {
  // How much link-layer header there is depends on the device and its tags; it is always even, and
  // no device known to us has more than this.
  constexpr std::size_t link_header_limit = 32;
  constexpr std::size_t udp_header = 8;
  for (std::size_t start = 0; start <= link_header_limit && start < packet.size(); start += 2) {
    const auto ip = packet.subspan(start);
    const auto udp = find_udp_header(ip);
    if (!udp || ip.size() < udp->offset + udp_header + id_bytes) continue;
    if (load_be<std::uint16_t>(ip, udp->offset) != source_port) continue;
    if (load_be<std::uint16_t>(ip, udp->offset + 4) != udp->length_bytes) continue;
    if (udp->length_bytes < udp_header + id_bytes) continue;
    return load_be<std::uint32_t>(ip, udp->offset + udp_header);
  }
  return std::nullopt;
}

ErrorQueueMessage decode_error_message(std::span<const std::byte> control,
                                       std::span<const std::byte> data, TxIdSource id_source,
                                       std::uint16_t port) {
  const ErrorParts parts = read_error_parts(control);
  if (!parts.error) return {.timestamp = {}, .failure = {}, .malformed = true};
  ErrorQueueMessage result;
  if (parts.error->ee_origin == SO_EE_ORIGIN_TIMESTAMPING) {
    const auto id = id_source == TxIdSource::kernel ? std::optional(parts.error->ee_data)
                                                    : id_in_packet(data, port);
    if (id && parts.times) result.timestamp = transmit_timestamp(*parts.error, *parts.times, *id);
    result.malformed = !result.timestamp;
  } else if (parts.error->ee_origin == SO_EE_ORIGIN_ICMP ||
             parts.error->ee_origin == SO_EE_ORIGIN_ICMP6) {
    result.failure = SendFailure{.id = std::nullopt,
                                 .sys_errno = static_cast<int>(parts.error->ee_errno),
                                 .undeliverable = true};
    if (data.size() >= id_bytes) result.failure->id = load_be<std::uint32_t>(data, 0);
  }
  // SO_EE_ORIGIN_LOCAL repeats what the send call has returned.
  return result;
}

void TxControl::add(int level, int type, std::span<const std::byte> data) {
  const std::size_t space = CMSG_SPACE(data.size());
  NETOBS_CHECK(size + space <= capacity_bytes, "size {} space {}", size, space);
  cmsghdr header{};
  header.cmsg_len = CMSG_LEN(data.size());
  header.cmsg_level = level;
  header.cmsg_type = type;
  std::memcpy(bytes.data() + size, &header, sizeof header);
  std::memcpy(bytes.data() + size + header_bytes, data.data(), data.size());
  size += space;
}

void TxControl::add_timestamp_id(std::uint32_t id) {
  add(SOL_SOCKET, abi::scm_ts_opt_id, std::as_bytes(std::span(&id, 1)));
}

void TxControl::add_timestamping(std::uint32_t flags) {
  add(SOL_SOCKET, abi::so_timestamping_new, std::as_bytes(std::span(&flags, 1)));
}

void TxControl::add_source(const Endpoint& source) {
  if (source.is_v4()) {
    in_pktinfo info{};
    constexpr std::size_t v4_offset = 12;
    std::memcpy(&info.ipi_spec_dst, source.address.data() + v4_offset, sizeof info.ipi_spec_dst);
    add(IPPROTO_IP, IP_PKTINFO, std::as_bytes(std::span(&info, 1)));
    return;
  }
  in6_pktinfo info{};
  std::memcpy(&info.ipi6_addr, source.address.data(), sizeof info.ipi6_addr);
  info.ipi6_ifindex = source.scope_id;
  add(IPPROTO_IPV6, IPV6_PKTINFO, std::as_bytes(std::span(&info, 1)));
}

}  // namespace netobs
