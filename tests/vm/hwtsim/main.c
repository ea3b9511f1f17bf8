// SPDX-License-Identifier: GPL-2.0-only
/* Loading and unloading, and the parameters. */
#include <linux/etherdevice.h>
#include <linux/module.h>

#include "hwtsim.h"

struct hwtsim_parameters hwtsim_parameters = {
    .cross = {HWTSIM_PRECISE, HWTSIM_PRECISE},
    .lie_every = {1, 1},
};

/* A parameter of hwtsim_parameters that takes one value per device. */
#define PER_DEVICE(name, type, mode, what)                                  \
  module_param_array_named(name, hwtsim_parameters.name, type, NULL, mode); \
  MODULE_PARM_DESC(name, what)

PER_DEVICE(offset_ns, long, 0644,
           "PTP clock ahead of CLOCK_REALTIME at load; a change steps it (ns)");
PER_DEVICE(drift_ppb, int, 0644, "PTP clock faster than CLOCK_MONOTONIC_RAW (ppb)");
PER_DEVICE(cross, uint, 0444, "cross timestamps: 0 basic, 1 extended, 2 precise as well");
PER_DEVICE(filter, uint, 0644,
           "receive filters: 0 all, 1 PTP widened to all, 2 PTP only, 3 none, 4 as asked");
PER_DEVICE(tx_drop_every, uint, 0644, "every nth transmit stamp is dropped; 0 none");
PER_DEVICE(rx_drop_every, uint, 0644, "every nth receive stamp is dropped; 0 none");
PER_DEVICE(tx_delay_us, uint, 0644,
           "transmit stamps come this much later, rounded up to a tick (us)");
PER_DEVICE(tx_outstanding, uint, 0644,
           "late transmit stamps at most, others are skipped; 0 any number");
PER_DEVICE(tx_lie, uint, 0644, "transmit stamps: 0 true, 1 zero, 2 the one before, 3 far ahead");
PER_DEVICE(rx_lie, uint, 0644, "receive stamps: 0 true, 1 zero, 2 the one before, 3 far ahead");
PER_DEVICE(lie_every, uint, 0644, "every nth stamp is as tx_lie and rx_lie say; 0 none");
PER_DEVICE(lose_every, uint, 0644, "every nth frame is lost on its way; 0 none");

static struct net_device* devices[HWTSIM_DEVICES];

static void set_up(struct net_device* dev) {
  ether_setup(dev);
  dev->netdev_ops = &hwtsim_netdev_ops;
  dev->ethtool_ops = &hwtsim_ethtool_ops;
  eth_hw_addr_random(dev);
  netif_carrier_off(dev);
}

/* A device that is not registered yet: its peer does not exist. */
static struct net_device* make_device(unsigned int index) {
  struct net_device* dev = alloc_netdev(sizeof(struct hwtsim), "hwts%d", NET_NAME_ENUM, set_up);
  struct hwtsim* sim;

  if (!dev) return NULL;
  sim = netdev_priv(dev);
  sim->dev = dev;
  sim->index = index;
  spin_lock_init(&sim->stamp_lock);
  skb_queue_head_init(&sim->received);
  hwtsim_late_init(sim);
  netif_napi_add(dev, &sim->napi, hwtsim_poll);
  return dev;
}

static void remove_all(void) {
  int i;

  for (i = 0; i < HWTSIM_DEVICES; i++) {
    if (devices[i] && devices[i]->reg_state == NETREG_REGISTERED) unregister_netdev(devices[i]);
  }
  for (i = 0; i < HWTSIM_DEVICES; i++) {
    struct hwtsim* sim;

    if (!devices[i]) continue;
    sim = netdev_priv(devices[i]);
    hwtsim_clock_stop(&sim->clock);
    hwtsim_xdp_stop(sim);
    free_netdev(devices[i]);
    devices[i] = NULL;
  }
  hwtsim_xdp_unload();
}

static int make_all(void) {
  struct hwtsim* sims[HWTSIM_DEVICES];
  int i, error;

  error = hwtsim_xdp_load();
  if (error) return error;
  for (i = 0; i < HWTSIM_DEVICES; i++) {
    devices[i] = make_device(i);
    if (!devices[i]) return -ENOMEM;
    sims[i] = netdev_priv(devices[i]);
    error = hwtsim_clock_start(&sims[i]->clock, i);
    if (error) return error;
    error = hwtsim_xdp_start(sims[i]);
    if (error) return error;
  }
  sims[0]->peer = sims[1];
  sims[1]->peer = sims[0];
  for (i = 0; i < HWTSIM_DEVICES; i++) {
    error = register_netdev(devices[i]);
    if (error) return error;
  }
  return 0;
}

static int __init load(void) {
  int error = make_all();

  if (error) remove_all();
  return error;
}

module_init(load);
module_exit(remove_all);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION(
    "Two joined Ethernet devices with PTP clocks and hardware timestamps, for tests");
