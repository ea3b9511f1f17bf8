// SPDX-License-Identifier: GPL-2.0-only
/* The PTP hardware clock of a device: CLOCK_REALTIME at load, an offset, and a rate of its own. */
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "hwtsim.h"

static struct hwtsim_clock* of(struct ptp_clock_info* info) {
  return container_of(info, struct hwtsim_clock, info);
}

static u64 time_at(const struct hwtsim_clock* clock, u64 raw_ns) {
  s64 elapsed_ns = raw_ns - clock->base_raw_ns;
  s64 rate_ppb = (s64)clock->drift_ppb + clock->adjusted_ppb;

  /* Microseconds times ppb stay within 64 bits for days. */
  return clock->base_ns + elapsed_ns + div_s64(div_s64(elapsed_ns, 1000) * rate_ppb, 1000000);
}

static void rebase(struct hwtsim_clock* clock, u64 raw_ns) {
  clock->base_ns = time_at(clock, raw_ns);
  clock->base_raw_ns = raw_ns;
}

/* What was written to the parameters since the last look becomes true now: an offset steps the
 * clock. */
static void follow_parameters(struct hwtsim_clock* clock, u64 raw_ns) {
  long offset_ns = READ_ONCE(hwtsim_parameters.offset_ns[clock->index]);
  int drift_ppb = READ_ONCE(hwtsim_parameters.drift_ppb[clock->index]);

  if (drift_ppb != clock->drift_ppb) {
    rebase(clock, raw_ns);
    clock->drift_ppb = drift_ppb;
  }
  clock->base_ns += offset_ns - clock->offset_ns;
  clock->offset_ns = offset_ns;
}

static u64 locked_time_at(struct hwtsim_clock* clock, u64 raw_ns) {
  unsigned long flags;
  u64 now_ns;

  spin_lock_irqsave(&clock->lock, flags);
  follow_parameters(clock, raw_ns);
  now_ns = time_at(clock, raw_ns);
  spin_unlock_irqrestore(&clock->lock, flags);
  return now_ns;
}

u64 hwtsim_clock_now(struct hwtsim_clock* clock) {
  return locked_time_at(clock, ktime_get_raw_ns());
}

static int adjust_rate(struct ptp_clock_info* info, long scaled_ppm) {
  struct hwtsim_clock* clock = of(info);
  unsigned long flags;

  spin_lock_irqsave(&clock->lock, flags);
  rebase(clock, ktime_get_raw_ns());
  clock->adjusted_ppb = scaled_ppm_to_ppb(scaled_ppm);
  spin_unlock_irqrestore(&clock->lock, flags);
  return 0;
}

static int adjust_time(struct ptp_clock_info* info, s64 delta_ns) {
  struct hwtsim_clock* clock = of(info);
  unsigned long flags;

  spin_lock_irqsave(&clock->lock, flags);
  clock->base_ns += delta_ns;
  spin_unlock_irqrestore(&clock->lock, flags);
  return 0;
}

static int set_time(struct ptp_clock_info* info, const struct timespec64* time) {
  struct hwtsim_clock* clock = of(info);
  unsigned long flags;

  spin_lock_irqsave(&clock->lock, flags);
  clock->base_raw_ns = ktime_get_raw_ns();
  clock->base_ns = timespec64_to_ns(time);
  spin_unlock_irqrestore(&clock->lock, flags);
  return 0;
}

static int get_time(struct ptp_clock_info* info, struct timespec64* time) {
  *time = ns_to_timespec64(hwtsim_clock_now(of(info)));
  return 0;
}

static int get_time_between(struct ptp_clock_info* info, struct timespec64* time,
                            struct ptp_system_timestamp* system) {
  u64 now_ns;

  ptp_read_system_prets(system);
  now_ns = hwtsim_clock_now(of(info));
  ptp_read_system_postts(system);
  *time = ns_to_timespec64(now_ns);
  return 0;
}

/* Both clocks from one reading of the counter, as hardware with PCIe PTM gives them. */
static int get_precise(struct ptp_clock_info* info, struct system_device_crosststamp* both) {
  struct system_time_snapshot system;

  ktime_get_snapshot(&system);
  both->device = ns_to_ktime(locked_time_at(of(info), ktime_to_ns(system.raw)));
  both->sys_realtime = system.real;
  both->sys_monoraw = system.raw;
  return 0;
}

int hwtsim_clock_start(struct hwtsim_clock* clock, unsigned int index) {
  unsigned int cross = hwtsim_parameters.cross[index];
  struct system_time_snapshot now;
  int error;

  spin_lock_init(&clock->lock);
  clock->index = index;
  ktime_get_snapshot(&now);
  clock->base_raw_ns = ktime_to_ns(now.raw);
  clock->base_ns = ktime_to_ns(now.real);
  follow_parameters(clock, clock->base_raw_ns);
  clock->info = (struct ptp_clock_info){
      .owner = THIS_MODULE,
      .name = "hwtsim",
      .max_adj = 500000000,
      .adjfine = adjust_rate,
      .adjtime = adjust_time,
      .settime64 = set_time,
  };
  if (cross == HWTSIM_BASIC)
    clock->info.gettime64 = get_time;
  else
    clock->info.gettimex64 = get_time_between;
  if (cross == HWTSIM_PRECISE) clock->info.getcrosststamp = get_precise;
  clock->ptp = ptp_clock_register(&clock->info, NULL);
  if (!IS_ERR_OR_NULL(clock->ptp)) return 0;
  error = clock->ptp ? PTR_ERR(clock->ptp) : -ENODEV; /* NULL: a kernel without PTP support */
  clock->ptp = NULL;
  return error;
}

void hwtsim_clock_stop(struct hwtsim_clock* clock) {
  if (clock->ptp) ptp_clock_unregister(clock->ptp);
  clock->ptp = NULL;
}
