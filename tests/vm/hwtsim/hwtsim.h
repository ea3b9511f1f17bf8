/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two Ethernet devices joined back to back, each with a PTP hardware clock of known offset and
 * drift. Every frame is stamped on both sides, and module parameters make the stamps go wrong in
 * the ways real NICs do. For tests only.
 *
 * Parameters that are arrays have one value per device: hwts0, hwts1.
 */
#ifndef NETOBS_HWTSIM_H
#define NETOBS_HWTSIM_H

#include <linux/net_tstamp.h>
#include <linux/netdevice.h>
#include <linux/ptp_clock_kernel.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include <net/xdp.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#error "hwtsim needs ndo_hwtstamp_set: Linux 6.6 or later"
#endif
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 11, 0)
#define kernel_ethtool_ts_info ethtool_ts_info
#endif

#define HWTSIM_DEVICES 2

/* What a stamp says instead of the time. */
enum hwtsim_lie {
  HWTSIM_TRUTH = 0,
  HWTSIM_ZERO = 1,  /* no time at all */
  HWTSIM_STALE = 2, /* the stamp of the frame before it */
  HWTSIM_FUTURE = 3 /* HWTSIM_FAR_NS later than the clock */
};
#define HWTSIM_FAR_NS (1000LL * NSEC_PER_SEC)

/* Which receive filters SIOCSHWTSTAMP takes. */
enum hwtsim_filter {
  HWTSIM_TAKE_ALL = 0,  /* any filter, widened to ALL */
  HWTSIM_WIDEN_PTP = 1, /* ALL is refused with ERANGE, a PTP filter is widened to ALL */
  HWTSIM_PTP_ONLY = 2,  /* PTP_V2_L4_EVENT and PTP_V2_EVENT, and only such frames are stamped */
  HWTSIM_NO_RX = 3,     /* nothing but NONE */
  HWTSIM_AS_ASKED = 4   /* any, and none is widened */
};

/* Which readings of both clocks at once the PTP clock offers. */
enum hwtsim_cross { HWTSIM_BASIC = 0, HWTSIM_EXTENDED = 1, HWTSIM_PRECISE = 2 };

/* The module's parameters; main.c says what each means. */
struct hwtsim_parameters {
  long offset_ns[HWTSIM_DEVICES];
  int drift_ppb[HWTSIM_DEVICES];
  unsigned int cross[HWTSIM_DEVICES];
  unsigned int filter[HWTSIM_DEVICES];
  unsigned int tx_drop_every[HWTSIM_DEVICES];
  unsigned int rx_drop_every[HWTSIM_DEVICES];
  unsigned int tx_delay_us[HWTSIM_DEVICES];
  unsigned int tx_outstanding[HWTSIM_DEVICES];
  unsigned int tx_lie[HWTSIM_DEVICES];
  unsigned int rx_lie[HWTSIM_DEVICES];
  unsigned int lie_every[HWTSIM_DEVICES];
  unsigned int lose_every[HWTSIM_DEVICES];
};
extern struct hwtsim_parameters hwtsim_parameters;

/* Counters of ethtool -S, by index into hwtsim_counter_names. */
enum hwtsim_counter {
  HWTSIM_TX_DELIVERED,
  HWTSIM_TX_DROPPED,
  HWTSIM_TX_SKIPPED,
  HWTSIM_TX_FALSE,
  HWTSIM_RX_DELIVERED,
  HWTSIM_RX_DROPPED,
  HWTSIM_RX_FALSE,
  HWTSIM_CONFIG_GET,
  HWTSIM_CONFIG_SET,
  HWTSIM_FRAMES_LOST,
  HWTSIM_XDP_RECEIVED,
  HWTSIM_XDP_LOST,
  HWTSIM_XSK_SENT,
  HWTSIM_COUNTERS
};

/* The adjustable clock. Time is what CLOCK_MONOTONIC_RAW makes of base_ns since base_raw_ns. */
struct hwtsim_clock {
  struct ptp_clock_info info;
  struct ptp_clock* ptp; /* NULL: the kernel has no PTP support */
  spinlock_t lock;       /* guards what follows */
  u64 base_raw_ns;
  u64 base_ns;
  long offset_ns; /* how much of offset_ns[] is in base_ns */
  int drift_ppb;
  int adjusted_ppb; /* by clock_adjtime */
  unsigned int index;
};

/* What one direction remembers to be wrong on purpose. */
struct hwtsim_stamper {
  u64 frames; /* stamps made so far */
  u64 previous_ns;
};

/* One device; lives in netdev_priv(). */
struct hwtsim {
  struct net_device* dev;
  struct hwtsim* peer;
  unsigned int index;
  struct napi_struct napi;
  struct sk_buff_head received;
  struct xdp_rxq_info rxq;
  struct bpf_prog* program;   /* at the XDP hook; NULL: none */
  struct xsk_buff_pool* pool; /* an AF_XDP socket's memory; changes while NAPI is off */
  struct hwtsim_clock clock;
  struct kernel_hwtstamp_config config;
  spinlock_t stamp_lock; /* guards the stampers */
  struct hwtsim_stamper tx;
  struct hwtsim_stamper rx;
  u64 sent; /* frames; guarded by the transmit queue's lock */
  struct sk_buff_head late;
  struct delayed_work late_work;
  atomic64_t counters[HWTSIM_COUNTERS];
};

/* True for every nth of a row that counts from 1; never for n == 0. */
static inline bool hwtsim_nth(u64 count, unsigned int n) {
  u32 rest;

  if (!n) return false;
  div_u64_rem(count, n, &rest);
  return rest == 0;
}

static inline void hwtsim_count(struct hwtsim* sim, enum hwtsim_counter counter) {
  atomic64_inc(&sim->counters[counter]);
}

/* clock.c */
int hwtsim_clock_start(struct hwtsim_clock* clock, unsigned int index);
void hwtsim_clock_stop(struct hwtsim_clock* clock);
u64 hwtsim_clock_now(struct hwtsim_clock* clock);

/* stamp.c: any context but hard interrupts */
void hwtsim_stamp_tx(struct hwtsim* sim, struct sk_buff* skb);
void hwtsim_stamp_rx(struct hwtsim* sim, struct sk_buff* skb);
u64 hwtsim_make_tx_stamp(struct hwtsim* sim); /* 0: none */
bool hwtsim_wants_tx_stamp(struct hwtsim* sim, const struct sk_buff* skb);
void hwtsim_late_init(struct hwtsim* sim);
void hwtsim_late_stop(struct hwtsim* sim);

/* link.c */
extern const struct net_device_ops hwtsim_netdev_ops;
int hwtsim_poll(struct napi_struct* napi, int budget);
/* A driver's own frame, from its header on, which it takes; with the transmit queue's lock. */
void hwtsim_send(struct hwtsim* sim, struct sk_buff* skb);

/* xdp.c */
int hwtsim_xdp_load(void);
void hwtsim_xdp_unload(void);
int hwtsim_xdp_start(struct hwtsim* sim);
void hwtsim_xdp_stop(struct hwtsim* sim);
int hwtsim_bpf(struct net_device* dev, struct netdev_bpf* bpf);
int hwtsim_xsk_wakeup(struct net_device* dev, u32 queue, u32 flags);
/* Both in NAPI. True: there is more to send. */
bool hwtsim_xsk_send(struct hwtsim* sim, int budget);
/* Takes the frame. True: it was redirected, and has to be flushed. */
bool hwtsim_xdp_receive(struct hwtsim* sim, struct bpf_prog* program, struct sk_buff* skb);

/* config.c */
extern const struct ethtool_ops hwtsim_ethtool_ops;
int hwtsim_config_get(struct net_device* dev, struct kernel_hwtstamp_config* config);
int hwtsim_config_set(struct net_device* dev, struct kernel_hwtstamp_config* config,
                      struct netlink_ext_ack* extack);

#endif
