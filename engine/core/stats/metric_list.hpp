#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/stats/path.hpp"

namespace netobs::stats {

/// What a metric of RunStatistics is, for whoever shows it.
struct MetricInfo {
  std::string key;
  std::string_view kind;      ///< "view" (rtt.*), "net_view" (net_rtt.*), "segment" or "other"
  std::int64_t position = 0;  ///< from 0: along the probe's way, others after the segments
  std::string label;          ///< for a person: "qdisc"
  std::string_view host;      ///< of a segment: "sender", "reflector" or "network"; else empty
};

/// Every metric that a run along this path can have, views first.
[[nodiscard]] std::vector<MetricInfo> metric_list(const Path& path);

}  // namespace netobs::stats
