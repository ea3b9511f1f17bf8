// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// tc egress (before the qdisc) and tc ingress (before IP). Both always let the next program decide
// and never write to a packet.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

// At tc, offset 0 is the link-layer header where the device has one (net/core/dev.c, tc_run and its
// callers). The helper that counts from the network header reads the linear part only, and drivers
// leave payloads in page fragments, so the offset is counted from the start of the frame.
struct packet {
  struct __sk_buff* skb;
};

static __always_inline int packet_load(const struct packet* packet, __u32 offset, void* to,
                                       __u32 bytes) {
  return bpf_skb_load_bytes(packet->skb, offset, to, bytes) != 0;
}

static __always_inline __u32 packet_end(const struct packet* packet) {
  return packet->skb->len;
}

#include "parse.h"
#include "payload.h"

// TC_ACT_UNSPEC of cls_bpf and TCX_NEXT of TCX have the same value.
enum { NEXT_PROGRAM = -1, ETHERTYPE_BYTES = 2 };

static __always_inline int take(struct __sk_buff* skb, enum netobs_point point) {
  const struct packet packet = {skb};
  const __u32 network = config.link_header_bytes;
  __u16 protocol = (__u16)skb->protocol;
  if (network && packet_load(&packet, network - ETHERTYPE_BYTES, &protocol, sizeof(protocol)))
    return NEXT_PROGRAM;

  struct flow flow;
  if (!parse(&packet, network, protocol, point == NETOBS_TC_EGRESS, &flow)) return NEXT_PROGRAM;
  if (!flow_is_ours(&flow)) return NEXT_PROGRAM;
  if (skb->gso_size) {
    count_merged(point);
    return NEXT_PROGRAM;
  }
  struct payload payload;
  if (load_payload(&packet, &flow, point, &payload))
    record(&flow, &payload, skb->ifindex, point);
  else
    count_unreadable(point);
  return NEXT_PROGRAM;
}

SEC("tc")
int tc_egress(struct __sk_buff* skb) {
  return take(skb, NETOBS_TC_EGRESS);
}

SEC("tc")
int tc_ingress(struct __sk_buff* skb) {
  return take(skb, NETOBS_TC_INGRESS);
}

char program_license[] SEC("license") = "Dual BSD/GPL";
