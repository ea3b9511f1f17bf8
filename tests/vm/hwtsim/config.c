// SPDX-License-Identifier: GPL-2.0-only
/* What user space asks and is told: SIOCGHWTSTAMP, SIOCSHWTSTAMP, ethtool -T, -S and -i. */
#include <linux/ethtool.h>

#include "hwtsim.h"

static const char counter_names[HWTSIM_COUNTERS][ETH_GSTRING_LEN] = {
    [HWTSIM_TX_DELIVERED] = "tx_hwtstamp_delivered",
    [HWTSIM_TX_DROPPED] = "tx_hwtstamp_dropped",
    [HWTSIM_TX_SKIPPED] = "tx_hwtstamp_skipped",
    [HWTSIM_TX_FALSE] = "tx_hwtstamp_false",
    [HWTSIM_RX_DELIVERED] = "rx_hwtstamp_delivered",
    [HWTSIM_RX_DROPPED] = "rx_hwtstamp_dropped",
    [HWTSIM_RX_FALSE] = "rx_hwtstamp_false",
    [HWTSIM_CONFIG_GET] = "hwtstamp_config_get",
    [HWTSIM_CONFIG_SET] = "hwtstamp_config_set",
    [HWTSIM_FRAMES_LOST] = "tx_frames_lost",
    [HWTSIM_XDP_RECEIVED] = "rx_xdp_packets",
    [HWTSIM_XDP_LOST] = "rx_xdp_lost",
    [HWTSIM_XSK_SENT] = "tx_xsk_packets",
};

static unsigned int filter_mode(const struct hwtsim* sim) {
  return READ_ONCE(hwtsim_parameters.filter[sim->index]);
}

/* The filter in force when this one is asked for; negative: refused. */
static int filter_granted(unsigned int mode, int asked) {
  if (asked == HWTSTAMP_FILTER_NONE) return HWTSTAMP_FILTER_NONE;
  switch (mode) {
    case HWTSIM_TAKE_ALL:
      return HWTSTAMP_FILTER_ALL;
    case HWTSIM_WIDEN_PTP:
      return asked == HWTSTAMP_FILTER_ALL ? -ERANGE : HWTSTAMP_FILTER_ALL;
    case HWTSIM_PTP_ONLY:
      if (asked == HWTSTAMP_FILTER_PTP_V2_L4_EVENT || asked == HWTSTAMP_FILTER_PTP_V2_EVENT)
        return asked;
      return -ERANGE;
    case HWTSIM_AS_ASKED:
      return asked;
    default:
      return -ERANGE;
  }
}

int hwtsim_config_get(struct net_device* dev, struct kernel_hwtstamp_config* config) {
  struct hwtsim* sim = netdev_priv(dev);

  hwtsim_count(sim, HWTSIM_CONFIG_GET);
  *config = sim->config;
  return 0;
}

int hwtsim_config_set(struct net_device* dev, struct kernel_hwtstamp_config* config,
                      struct netlink_ext_ack* extack) {
  struct hwtsim* sim = netdev_priv(dev);
  int granted = filter_granted(filter_mode(sim), config->rx_filter);

  hwtsim_count(sim, HWTSIM_CONFIG_SET);
  if (config->tx_type != HWTSTAMP_TX_OFF && config->tx_type != HWTSTAMP_TX_ON) return -ERANGE;
  if (granted < 0) return granted;
  config->rx_filter = granted;
  sim->config = *config;
  return 0;
}

static u32 filters_offered(unsigned int mode) {
  switch (mode) {
    case HWTSIM_TAKE_ALL:
      return BIT(HWTSTAMP_FILTER_NONE) | BIT(HWTSTAMP_FILTER_ALL);
    case HWTSIM_AS_ASKED:
      return BIT(HWTSTAMP_FILTER_NONE) | BIT(HWTSTAMP_FILTER_ALL) |
             BIT(HWTSTAMP_FILTER_PTP_V2_EVENT);
    case HWTSIM_WIDEN_PTP:
    case HWTSIM_PTP_ONLY:
      return BIT(HWTSTAMP_FILTER_NONE) | BIT(HWTSTAMP_FILTER_PTP_V2_L4_EVENT) |
             BIT(HWTSTAMP_FILTER_PTP_V2_EVENT);
    default:
      return BIT(HWTSTAMP_FILTER_NONE);
  }
}

static int get_ts_info(struct net_device* dev, struct kernel_ethtool_ts_info* info) {
  struct hwtsim* sim = netdev_priv(dev);

  info->so_timestamping = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE |
                          SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_TX_HARDWARE |
                          SOF_TIMESTAMPING_RAW_HARDWARE;
  if (filter_mode(sim) != HWTSIM_NO_RX) info->so_timestamping |= SOF_TIMESTAMPING_RX_HARDWARE;
  info->phc_index = ptp_clock_index(sim->clock.ptp);
  info->tx_types = BIT(HWTSTAMP_TX_OFF) | BIT(HWTSTAMP_TX_ON);
  info->rx_filters = filters_offered(filter_mode(sim));
  return 0;
}

static void get_drvinfo(struct net_device* dev, struct ethtool_drvinfo* info) {
  strscpy(info->driver, "hwtsim", sizeof(info->driver));
}

static int get_sset_count(struct net_device* dev, int set) {
  return set == ETH_SS_STATS ? HWTSIM_COUNTERS : -EOPNOTSUPP;
}

static void get_strings(struct net_device* dev, u32 set, u8* data) {
  if (set == ETH_SS_STATS) memcpy(data, counter_names, sizeof(counter_names));
}

static void get_statistics(struct net_device* dev, struct ethtool_stats* stats, u64* data) {
  struct hwtsim* sim = netdev_priv(dev);
  int i;

  for (i = 0; i < HWTSIM_COUNTERS; i++) data[i] = atomic64_read(&sim->counters[i]);
}

const struct ethtool_ops hwtsim_ethtool_ops = {
    .get_link = ethtool_op_get_link,
    .get_ts_info = get_ts_info,
    .get_drvinfo = get_drvinfo,
    .get_sset_count = get_sset_count,
    .get_strings = get_strings,
    .get_ethtool_stats = get_statistics,
};
