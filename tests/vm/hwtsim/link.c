// SPDX-License-Identifier: GPL-2.0-only
/* The wire between the two devices, and how the far end hands frames to the stack (NAPI). */
#include <linux/etherdevice.h>
#include <linux/skbuff.h>

#include "hwtsim.h"

int hwtsim_poll(struct napi_struct* napi, int budget) {
  struct hwtsim* sim = container_of(napi, struct hwtsim, napi);
  struct bpf_prog* program = READ_ONCE(sim->program);
  bool redirected = false;
  struct sk_buff* skb;
  bool more;
  int done = 0;

  more = hwtsim_xsk_send(sim, budget);
  while (done < budget && (skb = skb_dequeue(&sim->received))) {
    if (program)
      redirected |= hwtsim_xdp_receive(sim, program, skb);
    else
      napi_gro_receive(napi, skb);
    done++;
  }
  if (redirected) xdp_do_flush();
  if (more) return budget;
  /* A frame that came after the last look would wait for the next one. */
  if (done < budget && napi_complete_done(napi, done) && !skb_queue_empty(&sim->received))
    napi_schedule(napi);
  return done;
}

static int open_device(struct net_device* dev) {
  struct hwtsim* sim = netdev_priv(dev);

  napi_enable(&sim->napi);
  netif_start_queue(dev);
  netif_carrier_on(dev);
  return 0;
}

static int stop_device(struct net_device* dev) {
  struct hwtsim* sim = netdev_priv(dev);

  netif_carrier_off(dev);
  netif_stop_queue(dev);
  napi_disable(&sim->napi);
  skb_queue_purge(&sim->received);
  hwtsim_late_stop(sim);
  return 0;
}

static void arrive(struct hwtsim* sim, struct sk_buff* skb) {
  unsigned int length = skb->len;

  /* It frees what it refuses. */
  if (__dev_forward_skb(sim->dev, skb) != NET_RX_SUCCESS) return;
  skb_shinfo(skb)->tx_flags = 0;
  hwtsim_stamp_rx(sim, skb);
  DEV_STATS_INC(sim->dev, rx_packets);
  DEV_STATS_ADD(sim->dev, rx_bytes, length);
  skb_queue_tail(&sim->received, skb);
  napi_schedule(&sim->napi);
}

/* Counts a frame out; false: it is lost on its way, or nobody is there. With the transmit queue's
 * lock. */
static bool leave(struct hwtsim* sim, unsigned int length) {
  DEV_STATS_INC(sim->dev, tx_packets);
  DEV_STATS_ADD(sim->dev, tx_bytes, length);
  if (hwtsim_nth(++sim->sent, READ_ONCE(hwtsim_parameters.lose_every[sim->index]))) {
    hwtsim_count(sim, HWTSIM_FRAMES_LOST);
    return false;
  }
  return netif_running(sim->peer->dev);
}

void hwtsim_send(struct hwtsim* sim, struct sk_buff* skb) {
  if (leave(sim, skb->len))
    arrive(sim->peer, skb);
  else
    consume_skb(skb);
}

static netdev_tx_t transmit(struct sk_buff* skb, struct net_device* dev) {
  struct hwtsim* sim = netdev_priv(dev);
  struct sk_buff* frame = NULL;
  bool wants_stamp = hwtsim_wants_tx_stamp(sim, skb);

  if (wants_stamp) skb_shinfo(skb)->tx_flags |= SKBTX_IN_PROGRESS;
  /* With shared info of its own, as a frame from a wire has. */
  if (leave(sim, skb->len)) frame = skb_copy(skb, GFP_ATOMIC);
  skb_tx_timestamp(skb);
  if (wants_stamp) hwtsim_stamp_tx(sim, skb);
  consume_skb(skb);
  if (frame) arrive(sim->peer, frame);
  return NETDEV_TX_OK;
}

const struct net_device_ops hwtsim_netdev_ops = {
    .ndo_open = open_device,
    .ndo_stop = stop_device,
    .ndo_start_xmit = transmit,
    .ndo_bpf = hwtsim_bpf,
    .ndo_xsk_wakeup = hwtsim_xsk_wakeup,
    .ndo_hwtstamp_get = hwtsim_config_get,
    .ndo_hwtstamp_set = hwtsim_config_set,
    .ndo_set_mac_address = eth_mac_addr,
    .ndo_validate_addr = eth_validate_addr,
};
