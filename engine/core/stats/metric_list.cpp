#include "core/stats/metric_list.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/stats/view.hpp"

namespace netobs::stats {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> others{{
    {"rtt_intended", "round trip from the intended send time"},
    {"send_error", "send error"},
    {"ipdv", "IPDV of the round trip"},
    {"ipdv.forward", "IPDV out"},
    {"ipdv.backward", "IPDV back"},
    {"delay_change.forward", "change of the delay out"},
    {"delay_change.backward", "change of the delay back"},
}};

}  // namespace

std::vector<MetricInfo> metric_list(const Path& path) {
  std::vector<MetricInfo> list;
  const auto add_views = [&](std::string_view prefix, std::string_view kind) {
    std::int64_t position = 0;
    for (const View& view : view_table) {
      list.push_back(
          {fmt::format("{}.{}", prefix, view.name), kind, position++, std::string(view.label), ""});
    }
  };
  add_views("rtt", "view");
  add_views("net_rtt", "net_view");
  std::int64_t position = 0;
  for (const Segment& segment : path.segments) {
    list.push_back({segment.key(), "segment", position++, segment.name, place_of(segment.kind)});
  }
  for (const auto& [key, label] : others) {
    list.push_back({std::string(key), "other", position++, std::string(label), ""});
  }
  return list;
}

}  // namespace netobs::stats
