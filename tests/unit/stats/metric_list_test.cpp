#include "core/stats/metric_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/stats/run_statistics.hpp"
#include "unit/stats/records.hpp"

namespace netobs::stats {
namespace {

RunStatisticsConfig config_of(ClockRelation::Kind clocks) {
  RunStatisticsConfig config;
  config.plan = plan_of(test::all_software, test::all_software);
  config.clocks.kind = clocks;
  return config;
}

MetricInfo find(const std::vector<MetricInfo>& list, std::string_view key) {
  const auto found = std::ranges::find(list, key, &MetricInfo::key);
  return found == list.end() ? MetricInfo{} : *found;
}

TEST(MetricList, HasEveryMetricOfARun) {
  for (const auto clocks : {ClockRelation::Kind::unknown, ClockRelation::Kind::same_clock}) {
    RunStatistics statistics(config_of(clocks));
    statistics.fold(test::make_record(0, test::usual_intervals, 0));
    statistics.fold(test::make_record(1, test::usual_intervals, 0));
    const auto list = metric_list(statistics.path());
    const auto totals = statistics.totals();
    EXPECT_GT(totals.size(), 25U);
    for (const auto& [key, values] : totals) {
      EXPECT_EQ(std::ranges::count(list, key, &MetricInfo::key), 1) << key;
    }
  }
}

TEST(MetricList, SaysWhatEachIs) {
  const auto list = metric_list(build_path(config_of(ClockRelation::Kind::unknown).path()));
  const auto expect = [&](std::string_view key, std::string_view kind, std::int64_t position,
                          std::string_view label, std::string_view host) {
    const auto metric = find(list, key);
    EXPECT_EQ(metric.kind, kind) << key;
    EXPECT_EQ(metric.position, position) << key;
    EXPECT_EQ(metric.label, label) << key;
    EXPECT_EQ(metric.host, host) << key;
  };
  expect("rtt.app", "view", 0, "application", "");
  expect("rtt.nic", "view", 4, "NIC", "");
  expect("net_rtt.tc", "net_view", 2, "eBPF tc", "");
  expect("segment.sender.app_tx.sender.tx_sched", "segment", 0, "syscall and stack", "sender");
  expect("network.both_ways", "segment", 4, "network, both ways", "network");
  expect("segment.reflector.app_rx.reflector.app_tx", "segment", 9, "residence", "reflector");
  // 18 segments, then the rest.
  expect("segment.sender.skb_copy_datagram_iovec.sender.app_rx", "segment", 17, "copy", "sender");
  expect("rtt_intended", "other", 18, "round trip from the intended send time", "");
}

}  // namespace
}  // namespace netobs::stats
