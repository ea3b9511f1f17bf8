// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// The few kernel fields the tracepoints read. Only names and types count: libbpf finds the offsets
// in the running kernel's BTF (CO-RE).
#pragma once

#include <linux/types.h>

#define NETOBS_RELOCATED __attribute__((preserve_access_index))

struct ns_common {
  unsigned int inum;
} NETOBS_RELOCATED;

struct net {
  struct ns_common ns;
} NETOBS_RELOCATED;

typedef struct {
  struct net* net;
} possible_net_t;

struct net_device {
  possible_net_t nd_net;
  int ifindex;
} NETOBS_RELOCATED;

struct sk_buff {
  struct net_device* dev;
  unsigned int data_len;
  __be16 protocol;
  int skb_iif;
  __u16 network_header;
  __u16 mac_header;
  unsigned int tail;  // offsets from head on every 64-bit kernel
  unsigned int end;
  unsigned char* head;
} NETOBS_RELOCATED;

struct skb_shared_info {
  unsigned short gso_size;
} NETOBS_RELOCATED;

struct nsproxy {
  struct net* net_ns;
} NETOBS_RELOCATED;

struct task_struct {
  struct nsproxy* nsproxy;
} NETOBS_RELOCATED;
