// Everything that a run keeps of one probe: views, segments, checks, ledger.

#include <vector>

#include "core/base/check.hpp"
#include "core/stats/run_statistics.hpp"
#include "micro/core_units.hpp"
#include "micro/micro.hpp"
#include "unit/stats/records.hpp"

namespace netobs::micro {
namespace {

constexpr std::size_t record_count = 1024;

std::vector<ProbeRecord> make_records() {
  std::vector<ProbeRecord> records;
  auto slow = test::usual_intervals;
  for (auto& each : slow) each += each / 2;
  for (std::uint64_t i = 0; i < record_count; ++i) {
    if (i % 100 == 99) {
      records.push_back(test::make_lost(i));
    } else {
      records.push_back(i % 3 == 0 ? test::make_record(i, slow) : test::make_record(i));
    }
  }
  return records;
}

void fold(benchmark::State& state) {
  auto records = make_records();
  stats::RunStatisticsConfig config;
  config.plan = stats::plan_of(test::all_software, test::all_software);
  config.interval_ns = 0;  // roll-ups that nobody fetches would fill the memory
  stats::RunStatistics statistics(config);
  for ([[maybe_unused]] auto _ : state) {
    for (auto& record : records) {
      statistics.fold(record);
      record.sequence += record_count;
    }
    benchmark::DoNotOptimize(&statistics);
    benchmark::ClobberMemory();
  }
  const auto expected = static_cast<std::uint64_t>(state.iterations()) * record_count;
  NETOBS_CHECK(statistics.probes().sent == expected, "{} of {}", statistics.probes().sent,
               expected);
  count_items(state, record_count);
}

}  // namespace

void register_statistics() {
  benchmark::RegisterBenchmark("statistics/fold", fold);
}

}  // namespace netobs::micro
