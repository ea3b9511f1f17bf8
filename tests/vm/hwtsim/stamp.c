// SPDX-License-Identifier: GPL-2.0-only
/* The stamps of frames, and what the parameters make of them. */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/ip.h>

#include "hwtsim.h"

#define PTP_EVENT_PORT 319

/* Of a frame whose stamp is on its way, in its control block, which belongs to the driver by then.
 */
struct late_stamp {
  u64 stamp_ns;
  unsigned long due; /* jiffies */
};

static struct late_stamp* late_of(struct sk_buff* skb) {
  BUILD_BUG_ON(sizeof(struct late_stamp) > sizeof(skb->cb));
  return (struct late_stamp*)skb->cb;
}

static u64 lie_about(enum hwtsim_lie lie, u64 now_ns, u64 previous_ns) {
  switch (lie) {
    case HWTSIM_ZERO:
      return 0;
    case HWTSIM_STALE:
      return previous_ns;
    case HWTSIM_FUTURE:
      return now_ns + HWTSIM_FAR_NS;
    default:
      return now_ns;
  }
}

/* Makes the next stamp of a direction; false: it is dropped. */
static bool make_stamp(struct hwtsim* sim, struct hwtsim_stamper* stamper, unsigned int drop_every,
                       enum hwtsim_lie lie, enum hwtsim_counter counter, u64* stamp_ns) {
  unsigned int lie_every = READ_ONCE(hwtsim_parameters.lie_every[sim->index]);
  u64 now_ns = hwtsim_clock_now(&sim->clock);
  u64 count;

  spin_lock_bh(&sim->stamp_lock);
  count = ++stamper->frames;
  *stamp_ns = now_ns;
  if (lie != HWTSIM_TRUTH && hwtsim_nth(count, lie_every)) {
    *stamp_ns = lie_about(lie, now_ns, stamper->previous_ns);
    hwtsim_count(sim, counter);
  }
  stamper->previous_ns = now_ns;
  spin_unlock_bh(&sim->stamp_lock);
  return !hwtsim_nth(count, drop_every);
}

static void deliver(struct hwtsim* sim, struct sk_buff* skb, u64 stamp_ns) {
  struct skb_shared_hwtstamps stamps = {.hwtstamp = ns_to_ktime(stamp_ns)};

  skb_tstamp_tx(skb, &stamps);
  hwtsim_count(sim, HWTSIM_TX_DELIVERED);
}

/* A NIC has few registers for stamps: a frame that finds none free goes out without, and is
 * counted. */
bool hwtsim_wants_tx_stamp(struct hwtsim* sim, const struct sk_buff* skb) {
  unsigned int most = READ_ONCE(hwtsim_parameters.tx_outstanding[sim->index]);

  if (!(skb_shinfo(skb)->tx_flags & SKBTX_HW_TSTAMP)) return false;
  if (sim->config.tx_type != HWTSTAMP_TX_ON) return false;
  if (most && skb_queue_len_lockless(&sim->late) >= most) {
    hwtsim_count(sim, HWTSIM_TX_SKIPPED);
    return false;
  }
  return true;
}

u64 hwtsim_make_tx_stamp(struct hwtsim* sim) {
  u64 stamp_ns;

  if (sim->config.tx_type != HWTSTAMP_TX_ON) return 0;
  if (!make_stamp(sim, &sim->tx, READ_ONCE(hwtsim_parameters.tx_drop_every[sim->index]),
                  READ_ONCE(hwtsim_parameters.tx_lie[sim->index]), HWTSIM_TX_FALSE, &stamp_ns)) {
    hwtsim_count(sim, HWTSIM_TX_DROPPED);
    return 0;
  }
  hwtsim_count(sim, HWTSIM_TX_DELIVERED);
  return stamp_ns;
}

void hwtsim_stamp_tx(struct hwtsim* sim, struct sk_buff* skb) {
  unsigned int delay_us = READ_ONCE(hwtsim_parameters.tx_delay_us[sim->index]);
  u64 stamp_ns;

  if (!make_stamp(sim, &sim->tx, READ_ONCE(hwtsim_parameters.tx_drop_every[sim->index]),
                  READ_ONCE(hwtsim_parameters.tx_lie[sim->index]), HWTSIM_TX_FALSE, &stamp_ns)) {
    hwtsim_count(sim, HWTSIM_TX_DROPPED);
    return;
  }
  if (!delay_us) {
    deliver(sim, skb, stamp_ns);
    return;
  }
  late_of(skb)->stamp_ns = stamp_ns;
  late_of(skb)->due = jiffies + usecs_to_jiffies(delay_us);
  skb_queue_tail(&sim->late, skb_get(skb));
  schedule_delayed_work(&sim->late_work, usecs_to_jiffies(delay_us));
}

static void deliver_late(struct work_struct* work) {
  struct hwtsim* sim = container_of(to_delayed_work(work), struct hwtsim, late_work);
  struct sk_buff* skb;

  while ((skb = skb_peek(&sim->late))) {
    unsigned long due = late_of(skb)->due;

    if (time_before(jiffies, due)) {
      schedule_delayed_work(&sim->late_work, due - jiffies);
      return;
    }
    deliver(sim, skb, late_of(skb)->stamp_ns);
    skb_unlink(skb, &sim->late);
    consume_skb(skb);
  }
}

void hwtsim_late_init(struct hwtsim* sim) {
  skb_queue_head_init(&sim->late);
  INIT_DELAYED_WORK(&sim->late_work, deliver_late);
}

void hwtsim_late_stop(struct hwtsim* sim) {
  cancel_delayed_work_sync(&sim->late_work);
  skb_queue_purge(&sim->late);
}

/* Where the UDP header of a frame is, from skb->data; negative: it has none. */
static int udp_offset(struct sk_buff* skb) {
  if (skb->protocol == htons(ETH_P_IP) && pskb_may_pull(skb, sizeof(struct iphdr))) {
    const struct iphdr* ip = (const struct iphdr*)skb->data;

    return ip->protocol == IPPROTO_UDP && !ip_is_fragment(ip) ? ip->ihl * 4 : -1;
  }
  if (skb->protocol == htons(ETH_P_IPV6) && pskb_may_pull(skb, sizeof(struct ipv6hdr))) {
    const struct ipv6hdr* ip = (const struct ipv6hdr*)skb->data;

    return ip->nexthdr == IPPROTO_UDP ? (int)sizeof(*ip) : -1;
  }
  return -1;
}

/* As a NIC's parser sees it: the event port, an event message's type, version 2. */
static bool is_ptp_event(struct sk_buff* skb) {
  int offset = udp_offset(skb);
  const struct udphdr* udp;
  const u8* payload;

  if (offset < 0 || !pskb_may_pull(skb, offset + sizeof(*udp) + 2)) return false;
  udp = (const struct udphdr*)(skb->data + offset);
  payload = (const u8*)(udp + 1);
  return udp->dest == htons(PTP_EVENT_PORT) && (payload[0] & 0x0f) <= 3 && (payload[1] & 0x0f) == 2;
}

void hwtsim_stamp_rx(struct hwtsim* sim, struct sk_buff* skb) {
  u64 stamp_ns;

  skb_hwtstamps(skb)->hwtstamp = 0;
  if (sim->config.rx_filter == HWTSTAMP_FILTER_NONE) return;
  if (sim->config.rx_filter != HWTSTAMP_FILTER_ALL && !is_ptp_event(skb)) return;
  if (!make_stamp(sim, &sim->rx, READ_ONCE(hwtsim_parameters.rx_drop_every[sim->index]),
                  READ_ONCE(hwtsim_parameters.rx_lie[sim->index]), HWTSIM_RX_FALSE, &stamp_ns)) {
    hwtsim_count(sim, HWTSIM_RX_DROPPED);
    return;
  }
  skb_hwtstamps(skb)->hwtstamp = ns_to_ktime(stamp_ns);
  hwtsim_count(sim, HWTSIM_RX_DELIVERED);
}
