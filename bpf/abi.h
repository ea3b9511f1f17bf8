// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the BPF programs and the engine share. Fixed widths, no padding left to a compiler; both
// sides compile the assertions below.
#pragma once

#ifdef __cplusplus
#include <cstdint>
using netobs_u8 = std::uint8_t;
using netobs_u16 = std::uint16_t;
using netobs_u32 = std::uint32_t;
using netobs_u64 = std::uint64_t;
#define NETOBS_ABI_ASSERT(condition) static_assert(condition, "bpf/abi.h")
#else
#include <linux/types.h>
typedef __u8 netobs_u8;
typedef __u16 netobs_u16;
typedef __u32 netobs_u32;
typedef __u64 netobs_u64;
#define NETOBS_ABI_ASSERT(condition) _Static_assert(condition, "bpf/abi.h")
#endif

// The values of netobs::Point that hooks produce.
enum netobs_point {
  NETOBS_TC_EGRESS = 2,
  NETOBS_NET_DEV_START_XMIT = 3,
  NETOBS_TC_INGRESS = 8,
  NETOBS_SOCKET_DELIVERY = 9,
  NETOBS_SKB_COPY_DATAGRAM_IOVEC = 10,
  NETOBS_XDP_RX = 12,
  NETOBS_XDP_TX = 13,
  NETOBS_POINTS = 15,  // one more than the last of them; the engine knows further ones
};

enum netobs_clock {
  NETOBS_CLOCK_MONOTONIC = 0,
  NETOBS_CLOCK_TAI = 1,
};

// One timestamp of one packet. Numbers in host byte order, the address as it is in the packet.
struct netobs_event {
  netobs_u64 ns;               // of the clock named below
  netobs_u32 peer_address[4];  // IPv6, or IPv4 mapped (RFC 4291 2.5.5.2); network byte order
  netobs_u32 sequence;
  netobs_u32 sender_sequence;  // 0 in a request, or when the packet is too short to hold it
  netobs_u32 ifindex;          // the device the packet was seen on; 0 = unknown
  netobs_u16 peer_port;
  netobs_u16 ssid;  // 0 when the packet is too short to hold it
  netobs_u8 point;  // enum netobs_point
  netobs_u8 clock;  // enum netobs_clock
  netobs_u8 zero[6];
};
NETOBS_ABI_ASSERT(sizeof(struct netobs_event) == 48);

// Constant from before the programs are loaded, so that the verifier removes the branches not
// taken.
struct netobs_config {
  netobs_u32 remote_address[4];  // as peer_address
  netobs_u32 netns_inode;        // for the tracepoints, which see every network namespace
  netobs_u16 remote_port;        // host byte order, as is local_port
  netobs_u16 local_port;
  netobs_u8 has_remote;         // 1: only this peer, and we send the requests; 0: any, we reply
  netobs_u8 authenticated;      // 1: the authenticated packet layout (RFC 8762 4.2.2, 4.3.2)
  netobs_u8 clock;              // enum netobs_clock
  netobs_u8 link_header_bytes;  // for tc: 14 = Ethernet, 0 = packets begin with IP
  netobs_u8 zero[4];
};
NETOBS_ABI_ASSERT(sizeof(struct netobs_config) == 32);

// Each is cumulative, indexed by point, and of our own packets only.
struct netobs_counters {
  netobs_u64 dropped[NETOBS_POINTS];     // the ring buffer was full
  netobs_u64 merged[NETOBS_POINTS];      // several packets in one skb (GSO, GRO): no single number
  netobs_u64 unreadable[NETOBS_POINTS];  // the payload is in page fragments the program cannot read
};
NETOBS_ABI_ASSERT(sizeof(struct netobs_counters) == 360);

// For the programs at the XDP hook. Constant from before they are loaded.
struct netobs_xdp_config {
  netobs_u64 clock_identity;          // reflector: as the Net Obs TLV carries it, host byte order
  netobs_u64 nanoseconds_per_packet;  // reflector: 1 / rate of one source; 0 = no limit
  netobs_u64 burst_nanoseconds;       // reflector: how much of that a source may have saved
  netobs_u32 remote_address[4];       // as peer_address
  netobs_u16 remote_port;             // host byte order, as is local_port
  netobs_u16 local_port;
  netobs_u16 vlan_id;  // frames of this VLAN, or whose tag the NIC has taken off; 0 = untagged
  netobs_u8 mac[6];    // frames to others are not ours
  netobs_u8 has_remote;
  netobs_u8 clock;            // enum netobs_clock
  netobs_u8 has_allow_list;   // reflector: only sources in the map `allowed`
  netobs_u8 answer_own_port;  // reflector: also requests that come from our own port
};
NETOBS_ABI_ASSERT(sizeof(struct netobs_xdp_config) == 56);

#define NETOBS_XDP_MAGIC 0x4e4f4253U

// Stands right in front of a frame that the XDP program hands to an AF_XDP socket.
struct netobs_xdp_metadata {
  netobs_u64 ns;           // of the clock in the configuration
  netobs_u64 hardware_ns;  // of the NIC's clock; 0 = none
  netobs_u32 magic;        // NETOBS_XDP_MAGIC
  netobs_u32 zero;
};
NETOBS_ABI_ASSERT(sizeof(struct netobs_xdp_metadata) == 24);

// Cumulative.
struct netobs_xdp_counters {
  netobs_u64 steered;      // handed to an AF_XDP socket
  netobs_u64 no_socket;    // ours, on a queue without a socket: passed to the stack
  netobs_u64 no_metadata;  // handed over without times: no room in front of the frame
};
NETOBS_ABI_ASSERT(sizeof(struct netobs_xdp_counters) == 24);

// What the reflector is told while it runs.
struct netobs_xdp_settings {
  netobs_u64 realtime_offset_ns;  // CLOCK_REALTIME less the clock in the configuration, wraps
  netobs_u16 error_estimate;      // as on the wire, host byte order
  netobs_u16 zero[3];
};
NETOBS_ABI_ASSERT(sizeof(struct netobs_xdp_settings) == 16);

// One per processor; cumulative.
struct netobs_xdp_reflector_counters {
  netobs_u64 received;  // datagrams to us
  netobs_u64 answered;
  netobs_u64 too_short;  // for a STAMP packet: a reply must not be larger than its request
  netobs_u64 too_long;   // to compute a checksum that its sender had left unfinished
  netobs_u64 own_port;
  netobs_u64 bad_source;
  netobs_u64 not_allowed;
  netobs_u64 rate_limited;
  netobs_u64 bad_error_estimate;
};
NETOBS_ABI_ASSERT(sizeof(struct netobs_xdp_reflector_counters) == 72);

// Key of the map `allowed`.
struct netobs_prefix {
  netobs_u32 bits;
  netobs_u32 address[4];  // as peer_address
};
NETOBS_ABI_ASSERT(sizeof(struct netobs_prefix) == 20);
