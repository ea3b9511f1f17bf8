// The five quantiles of a report from the histogram, beside the exact ones of the same sample.

#include <algorithm>
#include <vector>

#include "core/base/check.hpp"
#include "core/stats/distribution.hpp"
#include "micro/core_units.hpp"
#include "micro/latency_sample.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

constexpr std::size_t value_count = 100'000;
constexpr std::uint64_t ppm_in_one = 1'000'000;

stats::Distribution distribution_of(const std::vector<std::int64_t>& values) {
  stats::Distribution distribution;
  for (const auto value : values) distribution.add(value);
  return distribution;
}

std::size_t rank_of(stats::Quantile quantile) {
  return (std::uint64_t{quantile.ppm} * value_count + ppm_in_one - 1) / ppm_in_one;
}

std::int64_t select_exactly(std::vector<std::int64_t>& values, stats::Quantile quantile) {
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(rank_of(quantile) - 1);
  std::ranges::nth_element(values, nth);
  return *nth;
}

/// The histogram promises at most |value| / 512.
void check_quantiles(const stats::Distribution& distribution, std::vector<std::int64_t> values) {
  for (const auto& row : stats::quantile_table) {
    const auto exact = select_exactly(values, row.quantile);
    const auto ours = distribution.quantile(row.quantile);
    NETOBS_CHECK(ours && std::abs(*ours - exact) <= exact / 512, "{}: {} instead of {}", row.label,
                 ours.value_or(0), exact);
  }
}

void from_histogram(benchmark::State& state) {
  const auto values = latency_sample(value_count);
  auto distribution = distribution_of(values);
  check_quantiles(distribution, values);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(&distribution);
    benchmark::ClobberMemory();
    for (const auto& row : stats::quantile_table) {
      auto value = distribution.quantile(row.quantile);
      benchmark::DoNotOptimize(value);
    }
  }
  count_items(state, stats::quantile_table.size());
}

/// Selection in a copy of the sample: what keeping every value would take.
void by_selection(benchmark::State& state) {
  const auto values = latency_sample(value_count);
  std::vector<std::int64_t> copy(values.size());
  for ([[maybe_unused]] auto _ : state) {
    std::ranges::copy(values, copy.begin());
    for (const auto& row : stats::quantile_table) {
      auto value = select_exactly(copy, row.quantile);
      benchmark::DoNotOptimize(value);
    }
  }
  count_items(state, stats::quantile_table.size());
}

void confidence_interval(benchmark::State& state) {
  const auto distribution = distribution_of(latency_sample(value_count));
  for ([[maybe_unused]] auto _ : state) {
    auto interval = distribution.confidence_interval(stats::p99);
    benchmark::DoNotOptimize(interval);
  }
  count_items(state, 1);
}

}  // namespace

void register_quantiles() {
  benchmark::RegisterBenchmark("quantiles/from_histogram", from_histogram);
  benchmark::RegisterBenchmark("quantiles/by_selection", by_selection);
  benchmark::RegisterBenchmark("quantiles/confidence_interval", confidence_interval);
}

}  // namespace netobs::micro
