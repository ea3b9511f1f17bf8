// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Steering with the NIC's receive time (Linux 6.3), where the driver has it
// (Documentation/networking/xdp-rx-metadata.rst). An object of its own: it loads only where the
// kernel knows the function, and is bound to one device.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md* ctx, __u64* timestamp) __ksym;

static __always_inline __u64 hardware_time(const struct xdp_md* ctx) {
  __u64 ns = 0;
  return bpf_xdp_metadata_rx_timestamp(ctx, &ns) == 0 ? ns : 0;
}

#include "xdp_steer.h"
