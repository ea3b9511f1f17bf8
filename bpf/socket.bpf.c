// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// A filter on our own UDP socket: runs just before the enqueue (net/ipv4/udp.c,
// udp_queue_rcv_one_skb), with offset 0 at the UDP header. Keeps every packet whole.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct packet {
  struct __sk_buff* skb;
};

static __always_inline int packet_load(const struct packet* packet, __u32 offset, void* to,
                                       __u32 bytes) {
  return bpf_skb_load_bytes(packet->skb, offset, to, bytes) != 0;
}

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stddef.h>

#include "payload.h"

// IP has pulled its header into the linear part by now, so counting from the network header is
// safe.
static __always_inline bool load_peer(struct __sk_buff* skb, struct flow* flow) {
  if (skb->protocol == bpf_htons(ETH_P_IP)) {
    __u32 address;
    if (bpf_skb_load_bytes_relative(skb, offsetof(struct iphdr, saddr), &address, sizeof(address),
                                    BPF_HDR_START_NET))
      return false;
    set_peer_v4(flow, address);
    return true;
  }
  return skb->protocol == bpf_htons(ETH_P_IPV6) &&
         !bpf_skb_load_bytes_relative(skb, offsetof(struct ipv6hdr, saddr), flow->peer,
                                      sizeof(flow->peer), BPF_HDR_START_NET);
}

static __always_inline bool parse_delivered(const struct packet* packet, struct flow* flow) {
  struct udphdr udp;
  if (packet_load(packet, 0, &udp, sizeof(udp))) return false;
  flow->local_port = bpf_ntohs(udp.dest);
  flow->peer_port = bpf_ntohs(udp.source);
  flow->payload_offset = sizeof(udp);
  flow->payload_bytes = packet->skb->len - sizeof(udp);  // UDP has trimmed it to its length field
  return load_peer(packet->skb, flow);
}

SEC("socket")
int socket_delivery(struct __sk_buff* skb) {
  const struct packet packet = {skb};
  const __u32 whole = skb->len;
  struct flow flow;
  if (!parse_delivered(&packet, &flow) || !flow_is_ours(&flow)) return whole;
  if (skb->gso_size) {
    count_merged(NETOBS_SOCKET_DELIVERY);
    return whole;
  }
  struct payload payload;
  if (load_payload(&packet, &flow, NETOBS_SOCKET_DELIVERY, &payload))
    record(&flow, &payload, skb->ifindex, NETOBS_SOCKET_DELIVERY);
  else
    count_unreadable(NETOBS_SOCKET_DELIVERY);
  return whole;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
