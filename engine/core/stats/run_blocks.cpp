#include "core/stats/run_blocks.hpp"

#include <algorithm>
#include <utility>

namespace netobs::stats {

void BlockRecorder::next_probe(bool lost) {
  if (blocks_.empty() || in_last_ == block_probes_) begin_block();
  ++in_last_;
  if (lost) ++blocks_.back().lost;
}

void BlockRecorder::begin_block() {
  if (blocks_.size() == most_blocks) merge_neighbours();
  blocks_.push_back({0, std::vector<Distribution>(metrics_)});
  in_last_ = 0;
}

void BlockRecorder::merge_neighbours() {
  for (std::size_t i = 0; i + 1 < blocks_.size(); i += 2) {
    Block& first = blocks_[i];
    const Block& second = blocks_[i + 1];
    first.lost += second.lost;
    for (std::size_t metric = 0; metric < metrics_; ++metric) {
      first.values[metric].merge(second.values[metric]);
    }
    if (i > 0) blocks_[i / 2] = std::move(first);
  }
  blocks_.resize(blocks_.size() / 2);
  block_probes_ *= 2;
}

RunBlocks BlockRecorder::finished(const std::vector<std::string>& keys) const {
  RunBlocks result;
  result.probes = block_probes_;
  const bool last_is_full = in_last_ == block_probes_;
  const std::size_t count = blocks_.empty() ? 0 : blocks_.size() - (last_is_full ? 0 : 1);
  for (std::size_t i = 0; i < count; ++i) result.lost.push_back(blocks_[i].lost);
  for (std::size_t metric = 0; metric < std::min(metrics_, keys.size()); ++metric) {
    BlockMetric series{keys[metric], {}, {}, {}};
    bool any = false;
    for (std::size_t i = 0; i < count; ++i) {
      const Distribution& values = blocks_[i].values[metric];
      any = any || !values.empty();
      series.p50.push_back(values.quantile(p50));
      series.p90.push_back(values.quantile(p90));
      series.p99.push_back(values.quantile(p99));
    }
    if (any) result.metrics.push_back(std::move(series));
  }
  return result;
}

}  // namespace netobs::stats
