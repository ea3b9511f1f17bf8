// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Tracepoints after the qdisc and at the copy to user space. They fire for the whole machine, so
// the network namespace is the first thing compared.
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel_types.h"

// Offsets count from skb->head. Page fragments cannot be read from here.
struct packet {
  const unsigned char* head;
  __u32 linear_end;
  __u32 end;
};

static __always_inline int packet_load(const struct packet* packet, __u32 offset, void* to,
                                       __u32 bytes) {
  if (offset + bytes > packet->linear_end) return 1;
  return bpf_probe_read_kernel(to, bytes, packet->head + offset) != 0;
}

static __always_inline __u32 packet_end(const struct packet* packet) {
  return packet->end;
}

#include "parse.h"
#include "payload.h"

static __always_inline void take(struct sk_buff* skb, __u32 offset, __u16 protocol, __u32 ifindex,
                                 enum netobs_point point) {
  const struct packet packet = {skb->head, skb->tail, skb->tail + skb->data_len};
  struct flow flow;
  if (!parse(&packet, offset, protocol, point == NETOBS_NET_DEV_START_XMIT, &flow)) return;
  if (!flow_is_ours(&flow)) return;

  const struct skb_shared_info* shared = (const void*)(skb->head + skb->end);
  if (BPF_CORE_READ(shared, gso_size)) {
    count_merged(point);
    return;
  }
  struct payload payload;
  if (load_payload(&packet, &flow, point, &payload))
    record(&flow, &payload, ifindex, point);
  else
    count_unreadable(point);
}

// On stacked devices this fires once per device; the last event is the one nearest the wire.
SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(net_dev_start_xmit, struct sk_buff* skb, struct net_device* dev) {
  if (dev->nd_net.net->ns.inum != config.netns_inode) return 0;
  __u32 offset = skb->network_header;
  __u16 protocol = skb->protocol;
  // A tag put into the frame after tc leaves the network header behind it: start from the frame.
  if (protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD))
    offset = skb->mac_header + ETH_HLEN;
  take(skb, offset, protocol, dev->ifindex, NETOBS_NET_DEV_START_XMIT);
  return 0;
}

SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(skb_copy_datagram_iovec, struct sk_buff* skb, int len) {
  struct task_struct* task = bpf_get_current_task_btf();
  if (task->nsproxy->net_ns->ns.inum != config.netns_inode) return 0;
  take(skb, skb->network_header, skb->protocol, skb->skb_iif, NETOBS_SKB_COPY_DATAGRAM_IOVEC);
  return 0;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
