// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Steering for every kernel and driver with XDP.
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>

static __always_inline __u64 hardware_time(const struct xdp_md* ctx) {
  return 0;
}

#include "xdp_steer.h"
