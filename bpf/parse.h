// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// From an IP header to ports and payload. The including file defines how to reach the bytes:
//   struct packet;
//   static int packet_load(const struct packet *, __u32 offset, void *to, __u32 bytes);  0 = done
//   static __u32 packet_end(const struct packet *);  offset of the first byte after the packet
#pragma once

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "record.h"

enum {
  VLAN_TAG_BYTES = 4,
  VLAN_TAGS = 2,
  FRAGMENT_BITS = 0x3fff,  // more-fragments and the offset
};

static __always_inline bool parse_udp(const struct packet* packet, __u32 offset,
                                      bool local_is_source, struct flow* flow) {
  struct udphdr udp;
  if (packet_load(packet, offset, &udp, sizeof(udp))) return false;
  const __u32 udp_bytes = bpf_ntohs(udp.len);
  if (udp_bytes < sizeof(udp) || offset + udp_bytes > packet_end(packet)) return false;
  flow->local_port = bpf_ntohs(local_is_source ? udp.source : udp.dest);
  flow->peer_port = bpf_ntohs(local_is_source ? udp.dest : udp.source);
  flow->payload_offset = offset + sizeof(udp);
  flow->payload_bytes = udp_bytes - sizeof(udp);
  return true;
}

static __always_inline bool parse_ipv4(const struct packet* packet, __u32 offset,
                                       bool local_is_source, struct flow* flow) {
  struct iphdr ip;
  if (packet_load(packet, offset, &ip, sizeof(ip))) return false;
  if (ip.version != 4 || ip.ihl < 5 || ip.protocol != IPPROTO_UDP) return false;
  if (ip.frag_off & bpf_htons(FRAGMENT_BITS)) return false;
  set_peer_v4(flow, local_is_source ? ip.daddr : ip.saddr);
  return parse_udp(packet, offset + ip.ihl * 4U, local_is_source, flow);
}

// A packet with extension headers is not one of ours: nothing here sends them.
static __always_inline bool parse_ipv6(const struct packet* packet, __u32 offset,
                                       bool local_is_source, struct flow* flow) {
  struct ipv6hdr ip;
  if (packet_load(packet, offset, &ip, sizeof(ip))) return false;
  if (ip.version != 6 || ip.nexthdr != IPPROTO_UDP) return false;
  __builtin_memcpy(flow->peer, local_is_source ? &ip.daddr : &ip.saddr, sizeof(flow->peer));
  return parse_udp(packet, offset + sizeof(ip), local_is_source, flow);
}

// offset: of the network header, or of the tag when the protocol (network byte order) is a VLAN's.
static __always_inline bool parse(const struct packet* packet, __u32 offset, __u16 protocol,
                                  bool local_is_source, struct flow* flow) {
  for (int tag = 0; tag < VLAN_TAGS; ++tag) {
    if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD)) break;
    if (packet_load(packet, offset + 2, &protocol, sizeof(protocol))) return false;
    offset += VLAN_TAG_BYTES;
  }
  if (protocol == bpf_htons(ETH_P_IP)) return parse_ipv4(packet, offset, local_is_source, flow);
  if (protocol == bpf_htons(ETH_P_IPV6)) return parse_ipv6(packet, offset, local_is_source, flow);
  return false;
}
