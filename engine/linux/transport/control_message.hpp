#pragma once
// Control messages of the socket API: written for sends, read for receives. What is read comes from
// the kernel, yet every length is checked.

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/endpoint.hpp"
#include "core/layer/point.hpp"
#include "core/session/transport.hpp"

namespace netobs {

/// What the control messages of one received datagram say.
struct RxControl {
  Endpoint local;           ///< destination address; port 0
  int interface_index = 0;  ///< it came in by; 0 = not told
  std::optional<std::int64_t> rx_software_ns;
  std::optional<std::int64_t> rx_hardware_ns;
  std::uint8_t ttl = 0;
};
[[nodiscard]] RxControl decode_rx_control(std::span<const std::byte> control);

/// What one message of the error queue says: a transmit timestamp, or a failure, or (both empty)
/// something that has been reported elsewhere already.
struct ErrorQueueMessage {
  std::optional<TxTimestamp> timestamp;
  std::optional<SendFailure> failure;
  bool malformed = false;
};

/// Where the id of a transmit timestamp is found.
enum class TxIdSource : std::uint8_t {
  kernel,   ///< ee_data holds the id given with SCM_TS_OPT_ID
  payload,  ///< the message carries the sent packet; the id is the first four octets of its payload
};

/// `data`: the message's data, for a timestamp the sent packet from its link-layer header on, for
/// an ICMP error the quoted UDP payload. `port`: our own UDP port, to find the UDP header with.
[[nodiscard]] ErrorQueueMessage decode_error_message(std::span<const std::byte> control,
                                                     std::span<const std::byte> data,
                                                     TxIdSource id_source, std::uint16_t port);

/// The first four octets of the UDP payload of a packet that starts anywhere in its link-layer
/// header; nullopt when there is no UDP packet from `source_port` in it.
[[nodiscard]] std::optional<std::uint32_t> id_in_packet(std::span<const std::byte> packet,
                                                        std::uint16_t source_port);

/// Room for the control messages of one send, aligned for cmsghdr.
struct alignas(cmsghdr) TxControl {
  static constexpr std::size_t capacity_bytes = 96;
  std::array<std::byte, capacity_bytes> bytes{};
  std::size_t size = 0;

  void clear() { size = 0; }
  /// SCM_TS_OPT_ID (Linux 6.13): the id that the datagram's timestamps come back with.
  void add_timestamp_id(std::uint32_t id);
  /// SO_TIMESTAMPING: these transmit timestamps of the datagram instead of those that the socket
  /// takes of all (SOF_TIMESTAMPING_TX_*).
  void add_timestamping(std::uint32_t flags);
  /// IP_PKTINFO or IPV6_PKTINFO: the source address to send from.
  void add_source(const Endpoint& source);

 private:
  void add(int level, int type, std::span<const std::byte> data);
};

/// Control bytes that hold everything a receiving socket is set up to be told.
inline constexpr std::size_t full_rx_control_bytes = 256;

}  // namespace netobs
