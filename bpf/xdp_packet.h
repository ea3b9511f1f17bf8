// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What the programs at the XDP hook share: is this frame ours, and where in it is what.
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "abi.h"

const volatile struct netobs_xdp_config config = {};

// Addresses that are ours, as peer_address. A frame to another is on its way through this host.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u32[4]);
  __type(value, __u8);
} local_addresses SEC(".maps");

enum {
  FRAGMENT_BITS = 0x3fff,  // more-fragments and the offset
  VLAN_ID_BITS = 0x0fff,
  LARGEST_OFFSET = 14 + 4 + 60,  // of the UDP header
};

struct vlan_tag {
  __be16 control;
  __be16 protocol;
};

struct xdp_packet {
  __u32 peer[4];
  __u32 local[4];
  __u32 ip_offset;
  __u32 udp_offset;
  __u32 udp_bytes;  // header and payload
  __u16 peer_port;
  __u16 checksum;  // of UDP, as it is in the packet
  bool v4;
  bool has_options;
};

// Keeps the compiler from dropping a check that it can prove but the verifier cannot.
static __always_inline __u32 opaque(__u32 value) {
  __asm__ volatile("" : "+r"(value));
  return value;
}

// The same for the end of a packet: a second check against it stays where the first implies it.
static __always_inline void* opaque_end(void* end) {
  __asm__ volatile("" : "+r"(end));
  return end;
}

static __always_inline void map_v4(__u32* to, __u32 address) {
  to[0] = 0;
  to[1] = 0;
  to[2] = bpf_htonl(0xffff);
  to[3] = address;
}

static __always_inline bool same_address(const __u32* a, const volatile __u32* b) {
  return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline bool to_our_mac(const struct ethhdr* ethernet) {
  for (int i = 0; i < ETH_ALEN; ++i) {
    if (ethernet->h_dest[i] != config.mac[i]) return false;
  }
  return true;
}

// What the stack drops, and what nothing may be sent to: nobody, and groups.
static __always_inline bool is_host_v4(__be32 address) {
  const __u8 first = bpf_ntohl(address) >> 24;
  return first != 0 && first < 224;
}

// An IPv4-mapped address never stands in a packet; here it would pass for one of IPv4.
static __always_inline bool is_real_v6(const __u32* address) {
  return address[0] || address[1] || address[2] != bpf_htonl(0xffff);
}

static __always_inline bool is_host_v6(const __u32* address) {
  const bool nobody = !(address[0] || address[1] || address[2] || address[3]);
  return !nobody && bpf_ntohl(address[0]) >> 24 != 0xff && is_real_v6(address);
}

static __always_inline bool is_tag(__be16 protocol) {
  return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

// Passes the Ethernet header and our VLAN's tag. A tag of priority alone (VLAN 0) is as good as
// none; a second tag makes a frame somebody else's.
static __always_inline bool parse_link(void* data, void* end, __u32* offset, __be16* protocol) {
  const struct ethhdr* ethernet = data;
  if ((void*)(ethernet + 1) > end || !to_our_mac(ethernet)) return false;
  if (ethernet->h_source[0] & 1) return false;  // a group sends nothing
  *offset = sizeof(*ethernet);
  *protocol = ethernet->h_proto;
  if (!is_tag(*protocol)) return true;
  const struct vlan_tag* tag = data + sizeof(*ethernet);
  if ((void*)(tag + 1) > end) return false;
  const __u16 id = bpf_ntohs(tag->control) & VLAN_ID_BITS;
  if (id != 0 && id != config.vlan_id) return false;
  *offset += sizeof(*tag);
  *protocol = tag->protocol;
  return !is_tag(*protocol);
}

// ip_bytes: of the packet, by its own word; it may end before the frame does, never after.
static __always_inline bool parse_v4(void* data, void* end, struct xdp_packet* packet,
                                     __u32* ip_bytes) {
  const struct iphdr* ip = data + packet->ip_offset;
  if ((void*)(ip + 1) > end) return false;
  const __u32 header = ip->ihl * 4U;
  if (ip->version != 4 || header < sizeof(*ip) || ip->protocol != IPPROTO_UDP) return false;
  if ((ip->frag_off & bpf_htons(FRAGMENT_BITS)) || !is_host_v4(ip->saddr)) return false;
  map_v4(packet->peer, ip->saddr);
  map_v4(packet->local, ip->daddr);
  packet->v4 = true;
  packet->has_options = header != sizeof(*ip);
  packet->udp_offset = packet->ip_offset + header;
  *ip_bytes = bpf_ntohs(ip->tot_len);
  return true;
}

// A packet with extension headers is not one of ours: nothing here sends them.
static __always_inline bool parse_v6(void* data, void* end, struct xdp_packet* packet,
                                     __u32* ip_bytes) {
  const struct ipv6hdr* ip = data + packet->ip_offset;
  if ((void*)(ip + 1) > end) return false;
  if (ip->version != 6 || ip->nexthdr != IPPROTO_UDP) return false;
  __builtin_memcpy(packet->peer, &ip->saddr, sizeof(packet->peer));
  __builtin_memcpy(packet->local, &ip->daddr, sizeof(packet->local));
  if (!is_host_v6(packet->peer) || !is_real_v6(packet->local)) return false;
  packet->v4 = false;
  packet->has_options = false;
  packet->udp_offset = packet->ip_offset + sizeof(*ip);
  *ip_bytes = bpf_ntohs(ip->payload_len) + sizeof(*ip);
  return true;
}

// Whole, consistent, and to our port; who sent it is not looked at.
static __always_inline bool parse_udp(void* data, void* end, struct xdp_packet* packet,
                                      __u32 ip_bytes) {
  if (packet->udp_offset > LARGEST_OFFSET) return false;
  const struct udphdr* udp = data + packet->udp_offset;
  if ((void*)(udp + 1) > end) return false;
  if (udp->dest != bpf_htons(config.local_port)) return false;
  const __u32 frame_bytes = end - data;
  packet->udp_bytes = bpf_ntohs(udp->len);
  packet->peer_port = bpf_ntohs(udp->source);
  packet->checksum = udp->check;
  return packet->udp_bytes >= sizeof(*udp) && packet->ip_offset + ip_bytes <= frame_bytes &&
         packet->udp_offset + packet->udp_bytes == packet->ip_offset + ip_bytes;
}

// A whole UDP datagram to our port at one of our addresses, from our peer where there is only one.
static __always_inline bool parse_ours(struct xdp_md* ctx, struct xdp_packet* packet) {
  void* data = (void*)(long)ctx->data;
  void* end = (void*)(long)ctx->data_end;
  __be16 protocol;
  if (!parse_link(data, end, &packet->ip_offset, &protocol)) return false;
  __u32 ip_bytes = 0;
  if (protocol == bpf_htons(ETH_P_IP)) {
    if (!parse_v4(data, end, packet, &ip_bytes)) return false;
  } else if (protocol == bpf_htons(ETH_P_IPV6)) {
    if (!parse_v6(data, end, packet, &ip_bytes)) return false;
  } else {
    return false;
  }
  if (!parse_udp(data, end, packet, ip_bytes)) return false;
  if (config.has_remote && (packet->peer_port != config.remote_port ||
                            !same_address(packet->peer, config.remote_address)))
    return false;
  return bpf_map_lookup_elem(&local_addresses, packet->local) != NULL;
}

static __always_inline __u64 now_ns(void) {
  return config.clock == NETOBS_CLOCK_TAI ? bpf_ktime_get_tai_ns() : bpf_ktime_get_ns();
}
