// Recording a value, beside an array increment: the same values, the bucket of each looked up
// beforehand, one counter per bucket.

#include "core/stats/histogram.hpp"

#include <algorithm>
#include <vector>

#include "core/base/check.hpp"
#include "core/stats/distribution.hpp"
#include "micro/core_units.hpp"
#include "micro/latency_sample.hpp"
#include "micro/micro.hpp"

namespace netobs::micro {
namespace {

using stats::Bucket;
using stats::Histogram;

constexpr std::size_t value_count = 1U << 14U;  // the input stays in the second-level cache

Histogram histogram_of(const std::vector<std::int64_t>& values) {
  Histogram histogram;
  for (const auto value : values) histogram.add(value);
  return histogram;
}

void array_increment(benchmark::State& state) {
  const auto values = latency_sample(value_count);
  const auto buckets = histogram_of(values).buckets();
  std::vector<std::size_t> indexes;
  for (const auto value : values) {
    const auto bucket = std::ranges::lower_bound(buckets, value, {}, &Bucket::high);
    indexes.push_back(static_cast<std::size_t>(bucket - buckets.begin()));
  }
  std::vector<std::uint64_t> counts(buckets.size());
  for ([[maybe_unused]] auto _ : state) {
    for (const auto index : indexes) ++counts[index];
    benchmark::DoNotOptimize(counts.data());
    benchmark::ClobberMemory();
  }
  const auto rounds = static_cast<std::uint64_t>(state.iterations());
  NETOBS_CHECK(counts[0] == buckets[0].count * rounds, "first bucket {}", counts[0]);
  count_items(state, value_count);
}

void record(benchmark::State& state) {
  const auto values = latency_sample(value_count);
  Histogram histogram;
  for ([[maybe_unused]] auto _ : state) {
    for (const auto value : values) histogram.add(value);
    benchmark::DoNotOptimize(&histogram);
    benchmark::ClobberMemory();
  }
  const auto rounds = static_cast<std::uint64_t>(state.iterations());
  NETOBS_CHECK(histogram.count() == value_count * rounds, "{} values", histogram.count());
  count_items(state, value_count);
}

/// With the exact count, extremes and sums beside the histogram.
void record_distribution(benchmark::State& state) {
  const auto values = latency_sample(value_count);
  stats::Distribution distribution;
  for ([[maybe_unused]] auto _ : state) {
    for (const auto value : values) distribution.add(value);
    benchmark::DoNotOptimize(&distribution);
    benchmark::ClobberMemory();
  }
  count_items(state, value_count);
}

/// A second's histogram into the run's.
void merge(benchmark::State& state) {
  const auto second = histogram_of(latency_sample(value_count));
  Histogram run = second;
  for ([[maybe_unused]] auto _ : state) {
    run.merge(second);
    benchmark::DoNotOptimize(&run);
    benchmark::ClobberMemory();
  }
  const auto merged = static_cast<std::uint64_t>(state.iterations()) + 1;
  NETOBS_CHECK(run.count() == value_count * merged, "{} values", run.count());
  count_items(state, 1);
}

void serialise(benchmark::State& state) {
  const auto histogram = histogram_of(latency_sample(value_count));
  std::string bytes;
  for ([[maybe_unused]] auto _ : state) {
    bytes.clear();
    histogram.serialise(bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void parse(benchmark::State& state) {
  const auto histogram = histogram_of(latency_sample(value_count));
  std::string bytes;
  histogram.serialise(bytes);
  for ([[maybe_unused]] auto _ : state) {
    stats::ByteReader reader(bytes);
    auto read = Histogram::parse(reader);
    benchmark::DoNotOptimize(&read);
  }
  stats::ByteReader reader(bytes);
  NETOBS_CHECK(Histogram::parse(reader) == histogram, "not read as it was written");
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

}  // namespace

void register_histogram() {
  benchmark::RegisterBenchmark("histogram/array_increment", array_increment);
  benchmark::RegisterBenchmark("histogram/record", record);
  benchmark::RegisterBenchmark("histogram/record_distribution", record_distribution);
  benchmark::RegisterBenchmark("histogram/merge", merge);
  benchmark::RegisterBenchmark("histogram/serialise", serialise);
  benchmark::RegisterBenchmark("histogram/parse", parse);
}

}  // namespace netobs::micro
