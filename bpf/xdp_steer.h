// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Hands the session's datagrams to the AF_XDP socket of their queue, with the time in front of
// each. Everything else passes to the stack untouched. The including file defines:
//   static __u64 hardware_time(const struct xdp_md *);  0 = none
#pragma once

#include "xdp_packet.h"

struct {
  __uint(type, BPF_MAP_TYPE_XSKMAP);
  __uint(max_entries, 64);  // queues
  __type(key, __u32);
  __type(value, __u32);
} sockets SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct netobs_xdp_counters);
} xdp_counters SEC(".maps");

static __always_inline bool write_metadata(struct xdp_md* ctx, __u64 ns, __u64 hardware_ns) {
  if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(struct netobs_xdp_metadata))) return false;
  struct netobs_xdp_metadata* metadata = (void*)(long)ctx->data_meta;
  if ((void*)(metadata + 1) > (void*)(long)ctx->data) return false;
  metadata->ns = ns;
  metadata->hardware_ns = hardware_ns;
  metadata->magic = NETOBS_XDP_MAGIC;
  metadata->zero = 0;
  return true;
}

SEC("xdp")
int steer(struct xdp_md* ctx) {
  struct xdp_packet packet;
  if (!parse_ours(ctx, &packet)) return XDP_PASS;
  const __u64 hardware_ns = hardware_time(ctx);
  const bool stamped = write_metadata(ctx, now_ns(), hardware_ns);
  const int verdict = bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
  const __u32 only = 0;
  struct netobs_xdp_counters* counters = bpf_map_lookup_elem(&xdp_counters, &only);
  if (!counters) return verdict;
  if (verdict == XDP_REDIRECT)
    __sync_fetch_and_add(&counters->steered, 1);
  else
    __sync_fetch_and_add(&counters->no_socket, 1);
  if (!stamped) __sync_fetch_and_add(&counters->no_metadata, 1);
  return verdict;
}

char program_license[] SEC("license") = "Dual BSD/GPL";
