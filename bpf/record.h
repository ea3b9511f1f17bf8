// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// What every program does once it has a packet: is it ours, what stands in it, write the event.
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#include "abi.h"

const volatile struct netobs_config config = {};

// The sizes here do not matter: the engine creates both maps once and every object uses those.
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} events SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct netobs_counters);
} counters SEC(".maps");

enum { SHORTEST_REQUEST_BYTES = 14 };  // a TWAMP-Light request without padding (RFC 5357 4.1.2)

struct flow {
  __u32 peer[4];
  __u16 peer_port;
  __u16 local_port;
  __u32 payload_offset;  // in what the program's loader counts from
  __u32 payload_bytes;
};

struct payload {
  __u32 sequence;
  __u32 sender_sequence;
  __u16 ssid;
};

static __always_inline void set_peer_v4(struct flow* flow, __u32 address) {
  flow->peer[0] = 0;
  flow->peer[1] = 0;
  flow->peer[2] = bpf_htonl(0xffff);
  flow->peer[3] = address;
}

static __always_inline bool flow_is_ours(const struct flow* flow) {
  if (flow->local_port != config.local_port) return false;
  if (flow->payload_bytes < SHORTEST_REQUEST_BYTES) return false;
  if (!config.has_remote) return true;
  return flow->peer_port == config.remote_port && flow->peer[0] == config.remote_address[0] &&
         flow->peer[1] == config.remote_address[1] && flow->peer[2] == config.remote_address[2] &&
         flow->peer[3] == config.remote_address[3];
}

static __always_inline bool is_reply(enum netobs_point point) {
  const bool transmit = point == NETOBS_TC_EGRESS || point == NETOBS_NET_DEV_START_XMIT;
  return transmit != (config.has_remote != 0);
}

static __always_inline struct netobs_counters* all_counters(void) {
  const __u32 only = 0;
  return bpf_map_lookup_elem(&counters, &only);
}

// Rare events: an atomic add on one shared line is exact, and user space reads it without a call.
static __always_inline void count_dropped(enum netobs_point point) {
  struct netobs_counters* all = all_counters();
  if (all) __sync_fetch_and_add(&all->dropped[point], 1);
}

static __always_inline void count_merged(enum netobs_point point) {
  struct netobs_counters* all = all_counters();
  if (all) __sync_fetch_and_add(&all->merged[point], 1);
}

static __always_inline void count_unreadable(enum netobs_point point) {
  struct netobs_counters* all = all_counters();
  if (all) __sync_fetch_and_add(&all->unreadable[point], 1);
}

static __always_inline __u64 now_ns(void) {
  return config.clock == NETOBS_CLOCK_TAI ? bpf_ktime_get_tai_ns() : bpf_ktime_get_ns();
}

// Matching is done before the clock is read, so that foreign traffic pays for no more than its
// ports.
static __always_inline void record(const struct flow* flow, const struct payload* payload,
                                   __u32 ifindex, enum netobs_point point) {
  const __u64 ns = now_ns();  // before the ring's lock, which other processors may hold
  struct netobs_event* event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
  if (!event) {
    count_dropped(point);
    return;
  }
  event->ns = ns;
  event->peer_address[0] = flow->peer[0];
  event->peer_address[1] = flow->peer[1];
  event->peer_address[2] = flow->peer[2];
  event->peer_address[3] = flow->peer[3];
  event->sequence = bpf_ntohl(payload->sequence);
  event->sender_sequence = bpf_ntohl(payload->sender_sequence);
  event->ifindex = ifindex;
  event->peer_port = flow->peer_port;
  event->ssid = bpf_ntohs(payload->ssid);
  event->point = point;
  event->clock = config.clock;
  __builtin_memset(event->zero, 0, sizeof(event->zero));
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);  // user space polls by memory
}
