// SPDX-License-Identifier: GPL-2.0-only
/*
 * XDP in the driver. A program sees each frame before the stack does and can ask for its receive
 * stamp. An AF_XDP socket can lend its memory (zero-copy): frames are received into it and sent
 * from it, and a frame that asks for it gets its transmit stamp.
 */
#include <linux/bpf_trace.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/filter.h>
#include <linux/platform_device.h>
#include <net/xdp.h>
#include <net/xdp_sock_drv.h>

#include "hwtsim.h"

/* What frame memory is mapped for: the devices have no bus. */
static struct platform_device* dma_device;

/* A frame as a program sees it. A socket's frames have room for the stamp behind the buffer. */
struct frame {
  struct xdp_buff xdp;
  u64 stamp_ns; /* 0: none */
};

static int rx_timestamp(const struct xdp_md* context, u64* timestamp) {
  const struct frame* frame = (const struct frame*)context;

  if (!frame->stamp_ns) return -ENODATA;
  *timestamp = frame->stamp_ns;
  return 0;
}

static const struct xdp_metadata_ops rx_metadata_ops = {
    .xmo_rx_timestamp = rx_timestamp,
};

/* NULL: no memory, or the socket has no free frame. `local` is used where no socket lends memory.
 */
static struct frame* make_frame(struct hwtsim* sim, unsigned int length, struct frame* local) {
  struct xdp_buff* xdp;
  struct page* page;

  XSK_CHECK_PRIV_TYPE(struct frame);
  if (sim->pool) {
    if (length > xsk_pool_get_rx_frame_size(sim->pool)) return NULL;
    xdp = xsk_buff_alloc(sim->pool);
    if (!xdp) return NULL;
    xsk_buff_set_size(xdp, length);
    return (struct frame*)xdp;
  }
  if (XDP_PACKET_HEADROOM + length > SKB_WITH_OVERHEAD(PAGE_SIZE)) return NULL;
  page = alloc_page(GFP_ATOMIC);
  if (!page) return NULL;
  xdp_init_buff(&local->xdp, PAGE_SIZE, &sim->rxq);
  xdp_prepare_buff(&local->xdp, page_address(page), XDP_PACKET_HEADROOM, length, true);
  return local;
}

static struct sk_buff* copy_of(struct hwtsim* sim, const struct xdp_buff* xdp) {
  unsigned int length = xdp->data_end - xdp->data;
  struct sk_buff* skb = netdev_alloc_skb(sim->dev, length);

  if (skb) skb_put_data(skb, xdp->data, length);
  return skb;
}

static void pass(struct hwtsim* sim, const struct frame* frame) {
  struct sk_buff* skb = copy_of(sim, &frame->xdp);

  if (!skb) return;
  skb->protocol = eth_type_trans(skb, sim->dev);
  skb_hwtstamps(skb)->hwtstamp = ns_to_ktime(frame->stamp_ns);
  napi_gro_receive(&sim->napi, skb);
}

static void send_locked(struct hwtsim* sim, struct sk_buff* skb) {
  struct netdev_queue* queue = netdev_get_tx_queue(sim->dev, 0);

  __netif_tx_lock(queue, smp_processor_id());
  hwtsim_send(sim, skb);
  __netif_tx_unlock(queue);
}

static void send_back(struct hwtsim* sim, const struct xdp_buff* xdp) {
  struct sk_buff* skb = copy_of(sim, xdp);

  if (skb) send_locked(sim, skb);
}

/* Does what the program says. True: the frame has gone on, to be flushed. */
static bool follow(struct hwtsim* sim, struct bpf_prog* program, struct frame* frame) {
  u32 verdict = bpf_prog_run_xdp(program, &frame->xdp);

  switch (verdict) {
    case XDP_REDIRECT:
      if (xdp_do_redirect(sim->dev, &frame->xdp, program) == 0) return true;
      hwtsim_count(sim, HWTSIM_XDP_LOST);
      break;
    case XDP_PASS:
      pass(sim, frame);
      break;
    case XDP_TX:
      send_back(sim, &frame->xdp);
      break;
    case XDP_DROP:
      break;
    default:
      bpf_warn_invalid_xdp_action(sim->dev, program, verdict);
      fallthrough;
    case XDP_ABORTED:
      trace_xdp_exception(sim->dev, program, verdict);
  }
  xdp_return_buff(&frame->xdp);
  return false;
}

bool hwtsim_xdp_receive(struct hwtsim* sim, struct bpf_prog* program, struct sk_buff* skb) {
  unsigned int length = skb->len + ETH_HLEN;
  struct frame local;
  struct frame* frame = make_frame(sim, length, &local);
  bool redirected = false;

  if (frame) {
    hwtsim_count(sim, HWTSIM_XDP_RECEIVED);
    frame->stamp_ns = ktime_to_ns(skb_hwtstamps(skb)->hwtstamp);
    /* Cannot fail: the frame is whole, and its header lies in front of it. */
    skb_copy_bits(skb, -ETH_HLEN, frame->xdp.data, length);
    redirected = follow(sim, program, frame);
  } else {
    hwtsim_count(sim, HWTSIM_XDP_LOST);
  }
  consume_skb(skb);
  return redirected;
}

/* A socket's frame on its way out. */
struct departure {
  bool wants_stamp;
  u64 stamp_ns;
};

static void request_timestamp(void* departure) {
  ((struct departure*)departure)->wants_stamp = true;
}

static u64 fill_timestamp(void* departure) {
  return ((struct departure*)departure)->stamp_ns;
}

static const struct xsk_tx_metadata_ops tx_metadata_ops = {
    .tmo_request_timestamp = request_timestamp,
    .tmo_fill_timestamp = fill_timestamp,
};

/* NULL: the frame asks for nothing. */
static struct xsk_tx_metadata* metadata_of(struct xsk_buff_pool* pool,
                                           const struct xdp_desc* descriptor) {
#ifdef HWTSIM_METADATA_TAKES_OPTIONS
  return xsk_buff_get_metadata(pool, descriptor->addr, descriptor->options);
#else
  if (!(descriptor->options & XDP_TX_METADATA)) return NULL;
  return xsk_buff_get_metadata(pool, descriptor->addr);
#endif
}

/* Stamps are there as soon as the frame has left: tx_delay_us is for skbs. */
static void send_one(struct hwtsim* sim, const struct xdp_desc* descriptor) {
  void* data = xsk_buff_raw_get_data(sim->pool, descriptor->addr);
  struct xsk_tx_metadata* metadata;
  struct xsk_tx_metadata_compl completion = {};
  struct departure departure = {};
  struct sk_buff* skb;

  metadata = metadata_of(sim->pool, descriptor);
  xsk_tx_metadata_request(metadata, &tx_metadata_ops, &departure);
  xsk_tx_metadata_to_compl(metadata, &completion);
  if (departure.wants_stamp) departure.stamp_ns = hwtsim_make_tx_stamp(sim);
  skb = netdev_alloc_skb(sim->dev, descriptor->len);
  if (skb) {
    skb_put_data(skb, data, descriptor->len);
    send_locked(sim, skb);
  }
  xsk_tx_metadata_complete(&completion, &tx_metadata_ops, &departure);
  hwtsim_count(sim, HWTSIM_XSK_SENT);
}

bool hwtsim_xsk_send(struct hwtsim* sim, int budget) {
  struct xdp_desc descriptor;
  int sent = 0;

  if (!sim->pool) return false;
  while (sent < budget && xsk_tx_peek_desc(sim->pool, &descriptor)) {
    send_one(sim, &descriptor);
    sent++;
  }
  if (sent) {
    xsk_tx_completed(sim->pool, sent);
    xsk_tx_release(sim->pool);
  }
  return sent == budget;
}

int hwtsim_xsk_wakeup(struct net_device* dev, u32 queue, u32 flags) {
  struct hwtsim* sim = netdev_priv(dev);

  if (queue != 0 || !sim->pool) return -EINVAL;
  if (!netif_running(dev)) return -ENETDOWN;
  /* It runs where the lock ends. */
  local_bh_disable();
  napi_schedule(&sim->napi);
  local_bh_enable();
  return 0;
}

static int set_memory_model(struct hwtsim* sim, struct xsk_buff_pool* pool) {
  int error;

  xdp_rxq_info_unreg_mem_model(&sim->rxq);
  error = xdp_rxq_info_reg_mem_model(&sim->rxq,
                                     pool ? MEM_TYPE_XSK_BUFF_POOL : MEM_TYPE_PAGE_SHARED, NULL);
  if (!error && pool) xsk_pool_set_rxq_info(pool, &sim->rxq);
  return error;
}

/* No frame is under way while the memory changes hands. */
static int exchange_pool(struct hwtsim* sim, struct xsk_buff_pool* pool) {
  bool running = netif_running(sim->dev);
  int error;

  if (running) napi_disable(&sim->napi);
  error = set_memory_model(sim, pool);
  sim->pool = error ? NULL : pool;
  if (running) napi_enable(&sim->napi);
  return error;
}

static int set_pool(struct hwtsim* sim, struct xsk_buff_pool* pool, u16 queue) {
  struct xsk_buff_pool* before = sim->pool;
  int error;

  if (queue != 0) return -EINVAL;
  if (pool && before) return -EBUSY;
  error = pool ? xsk_pool_dma_map(pool, &dma_device->dev, 0) : 0;
  if (error) return error;
  error = exchange_pool(sim, pool);
  if (pool && error) xsk_pool_dma_unmap(pool, 0);
  if (before) xsk_pool_dma_unmap(before, 0);
  return error;
}

int hwtsim_bpf(struct net_device* dev, struct netdev_bpf* bpf) {
  struct hwtsim* sim = netdev_priv(dev);
  struct bpf_prog* before;

  switch (bpf->command) {
    case XDP_SETUP_PROG:
      before = xchg(&sim->program, bpf->prog);
      if (before) bpf_prog_put(before);
      return 0;
    case XDP_SETUP_XSK_POOL:
      return set_pool(sim, bpf->xsk.pool, bpf->xsk.queue_id);
    default:
      return -EINVAL;
  }
}

int hwtsim_xdp_start(struct hwtsim* sim) {
  int error;

  sim->dev->xdp_metadata_ops = &rx_metadata_ops;
  sim->dev->xsk_tx_metadata_ops = &tx_metadata_ops;
  sim->dev->xdp_features =
      NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT | NETDEV_XDP_ACT_XSK_ZEROCOPY;
  error = xdp_rxq_info_reg(&sim->rxq, sim->dev, 0, sim->napi.napi_id);
  return error ? error : set_memory_model(sim, NULL);
}

void hwtsim_xdp_stop(struct hwtsim* sim) {
  if (xdp_rxq_info_is_reg(&sim->rxq)) xdp_rxq_info_unreg(&sim->rxq);
}

int hwtsim_xdp_load(void) {
  dma_device = platform_device_register_simple("hwtsim", PLATFORM_DEVID_NONE, NULL, 0);
  if (IS_ERR(dma_device)) return PTR_ERR(dma_device);
  return dma_coerce_mask_and_coherent(&dma_device->dev, DMA_BIT_MASK(64));
}

void hwtsim_xdp_unload(void) {
  if (!IS_ERR_OR_NULL(dma_device)) platform_device_unregister(dma_device);
}
