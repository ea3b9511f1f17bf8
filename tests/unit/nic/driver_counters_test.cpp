#include "linux/nic/driver_counters.hpp"

#include <gtest/gtest.h>

namespace netobs::nic {
namespace {

TEST(DriverCounters, NamesThatMeanUnstampedTransmissions) {
  for (const char* name :
       {"tx_hwtstamp_skipped", "tx_hwtstamp_timeouts", "tx_hwtstamp_flushed",
        "tx_hwtstamp_discarded", "ptp_cq0_lost_cqe", "ptp_cq3_err_cqe", "tx_timestamp_errors"}) {
    EXPECT_TRUE(counts_unstamped_tx(name)) << name;
  }
  for (const char* name : {"", "rx_hwtstamp_cleared", "tx_errors", "tx_timeout_count", "tx_packets",
                           "tx_hwtstamp_good", "ptp_cq0_cqe", "ptp_tx0_dropped"}) {
    EXPECT_FALSE(counts_unstamped_tx(name)) << name;
  }
}

}  // namespace
}  // namespace netobs::nic
