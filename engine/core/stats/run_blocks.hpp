#pragma once
// A run cut into stretches, so that how much its own figures vary can be told: neighbouring probes
// share a queue and a CPU's mood, so that probes are no independent sample, but stretches nearly
// are.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/stats/distribution.hpp"

namespace netobs::stats {

/// One metric, one value per block in the order of time; nullopt where the block holds too few
/// values for the quantile (Distribution::quantile). Nanoseconds.
struct BlockMetric {
  std::string key;  ///< as RunStatistics names it
  std::vector<std::optional<std::int64_t>> p50;
  std::vector<std::optional<std::int64_t>> p90;
  std::vector<std::optional<std::int64_t>> p99;
  friend bool operator==(const BlockMetric&, const BlockMetric&) = default;
};

/// Blocks of equally many probes. What came after the last full one is left out.
struct RunBlocks {
  std::uint64_t probes = 0;         ///< sent in each block
  std::vector<std::uint64_t> lost;  ///< of these, per block
  std::vector<BlockMetric> metrics;
  friend bool operator==(const RunBlocks&, const RunBlocks&) = default;
};

/// Collects them in bounded memory: when there are too many, neighbours become one. One thread.
class BlockRecorder {
 public:
  static constexpr std::uint64_t first_block_probes = 100;  ///< the fewest that have a p99
  static constexpr std::size_t most_blocks = 40;            ///< a long run ends with half or more

  /// How many metrics there are; before the first probe.
  void set_metrics(std::size_t count) { metrics_ = count; }
  /// A probe begins: what is added next is its.
  void next_probe(bool lost);
  void add(std::size_t metric, std::int64_t value) { blocks_.back().values[metric].add(value); }

  /// keys: by metric. Metrics without any value are left out.
  [[nodiscard]] RunBlocks finished(const std::vector<std::string>& keys) const;

 private:
  struct Block {
    std::uint64_t lost = 0;
    std::vector<Distribution> values;
  };
  void begin_block();
  void merge_neighbours();

  std::size_t metrics_ = 0;
  std::uint64_t block_probes_ = first_block_probes;
  std::uint64_t in_last_ = 0;
  std::vector<Block> blocks_;  // the last one is being filled
};

}  // namespace netobs::stats
